"""``cotrain import-checkpoint``: its words, what it says and what it leaves."""

import json

import pytest
import safetensors.torch
import timm
import torch
from foreign_networks import names_of, randomized, save, written

from cotrain import Ensemble
from cotrain.cli.command import main


@pytest.fixture(scope="module")
def authors_file(tmp_path_factory):
    networks = written("wide_resnet16_1", "cifar10", 2)
    return save(tmp_path_factory.mktemp("authors") / "model_best.pth.tar", names_of(networks))


def test_a_checkpoint_of_the_authors_becomes_an_ensemble(authors_file, tmp_path, capsys):
    output = tmp_path / "ensemble"
    words = ["--arch", "wide_resnet16_1", "--into=2", "--dataset", "cifar10"]
    main(["import-checkpoint", str(authors_file), *words, "--output", str(output)])
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "CC-BY-NC 4.0" in captured.out
    assert "image_size=32" in captured.out
    assert captured.out.endswith(f"ensemble: {output}\n")
    assert sorted(path.name for path in output.iterdir()) == [
        "LICENSE-WEIGHTS.txt",
        "model.safetensors",
        "spec.json",
    ]
    spec = Ensemble.load(output).spec
    assert (spec.into, spec.large.arch, spec.network.num_classes) == (2, "wide_resnet16_1", 10)


@pytest.mark.parametrize("flag", [["--from", "timm"], ["--from=timm"], ["--source", "timm"]])
def test_weights_of_a_library_become_a_large_network(tmp_path, capsys, flag):
    twin = randomized(timm.create_model("tf_efficientnet_b0", num_classes=5))
    path = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(twin.state_dict(), path)
    words = ["--arch", "efficientnetb0", "--dataset", "imagenet", *flag]
    shape = ["--num-classes", "5", "--image-size", "64"]
    main(["import-checkpoint", str(path), *words, *shape, "--output", str(tmp_path / "out")])
    captured = capsys.readouterr()
    assert captured.out.startswith("licence: that of the weights, which timm names\n")
    assert not (tmp_path / "out/LICENSE-WEIGHTS.txt").exists()
    assert json.loads((tmp_path / "out/spec.json").read_text())["preprocessing"]["image_size"] == 64
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = twin(images)
    logits = Ensemble.load(tmp_path / "out")(images)[0]
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--arch=wide_resnet16_1", "--dataset=cifar10"], "holds 2 networks"),
        (["--arch=wide_resnet16_1", "--into=2", "--dataset=cifar100"], "--num-classes 10"),
        (["--arch=wide_resnet161", "--dataset=cifar10"], "network='wide_resnet161' is not known"),
        (["--arch=wide_resnet16_1", "--into=2"], "--dataset is missing"),
        (["--arch=senet154", "--dataset=imagenet", "--from=timm"], "lacks layer0.conv1.weight"),
        (["--arch=senet154", "--dataset=cifar10", "--from=timm"], "give --dataset imagenet"),
        (["--arch=senet154", "--dataset=imagenet", "--from=timm", "--into=2"], "neither --into"),
        (["--arch=resnet50", "--dataset=imagenet", "--from=timm"], "none that computes the same"),
        (["--arch=senet154", "--dataset=imagenet", "--from=keras"], "keras"),
    ],
)
def test_what_does_not_fit_is_one_line(authors_file, tmp_path, capsys, words, message):
    with pytest.raises(SystemExit) as caught:
        main(["import-checkpoint", str(authors_file), *words, "--output", str(tmp_path / "out")])
    captured = capsys.readouterr()
    assert caught.value.code == 2
    assert captured.out == ""
    assert captured.err.startswith("cotrain: ")
    assert captured.err.count("\n") == 1
    assert message in captured.err
    assert not (tmp_path / "out").exists()
