"""Runs become one ensemble, which is evaluated, calibrated, cascaded and learnt from as a run's."""

import json
from pathlib import Path

import pytest
import torch
from training_runs import same, tiny

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.cli import main
from cotrain.ensemble.combining import combine_logits
from cotrain.ensemble.ensemble import Ensemble, load_shipped
from cotrain.evaluation.assembling.of_runs import assemble_runs
from cotrain.evaluation.evaluate import read_predictions
from cotrain.training import fit

DATA = {"train_images": 150, "validation": 0.3, "test_images": 50}


def run(folder: Path, **changed) -> None:
    settings = {"network": "basic_resnet8_4", "into": 1, "epochs": 2, "data": DATA, "seed": 3}
    fit(tiny(**(settings | changed)), folder, progress=False)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one network, one of two others, and one of another split."""
    folder = tmp_path_factory.mktemp("runs")
    run(folder / "wide", network="basic_resnet8_8")
    run(folder / "two", into=2)
    run(folder / "split", epochs=1, data=DATA | {"split_seed": 5})
    return folder


@pytest.fixture(scope="module")
def made(root: Path) -> Path:
    """All of the first two runs, by the command."""
    words = ["assemble", root / "wide", root / "two", "--output", root / "made"]
    main([str(each) for each in (*words, "--weights", "fitted")])
    return root / "made"


def refusal(capsys, *words: object) -> str:
    with pytest.raises(SystemExit) as caught:
        main([str(each) for each in words])
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_all_networks_answer_as_in_their_runs(root):
    found = assemble_runs([root / "wide", root / "two"])
    names = [f"{root}/wide", f"network 0 of {root}/two", f"network 1 of {root}/two"]
    assert [each.name for each in found.contributions] == names
    wide, two = load_shipped(root / "wide"), load_shipped(root / "two")
    images = torch.randn(4, 1, 8, 8)
    with torch.no_grad():
        expected = torch.cat([wide(images), two(images)])
        assert torch.equal(found.ensemble(images), expected)
    assert found.picks == ()
    assert found.equal is None
    assert [each.macs for each in found.contributions] == [
        wide.spec.macs,
        *[two.spec.macs // 2] * 2,
    ]


def test_networks_that_are_picked_are_those_of_the_ensemble(root):
    found = assemble_runs([root / "wide", root / "two"], select="greedy", weights="equal")
    chosen = [place for place, each in enumerate(found.contributions) if each.weight]
    assert {pick.network for pick in found.picks} == set(chosen)
    whole = assemble_runs([root / "wide", root / "two"]).ensemble
    for own, index in zip(found.ensemble.networks, chosen, strict=True):
        assert same(own.state_dict(), whole.networks[index].state_dict())
    assert sum(each.weight for each in found.contributions) == pytest.approx(1)
    alone = [each.alone.nll for each in found.contributions if each.alone]
    assert found.picks[0].network == alone.index(min(alone))


def test_the_command_writes_an_ensemble_that_knows_its_images(made, capsys):
    record = json.loads((made / "assembly.json").read_bytes())
    calibration = json.loads((made / "calibration.json").read_bytes())
    assert [each["weight"] for each in record["networks"]] == calibration["weights"]
    assert calibration["fitted_on"] == "validation"
    written = json.loads((made / "evaluation.json").read_bytes())
    assert (written["images"], written["tested_on"]) == (50, "test")
    logits, targets = read_predictions(RunFolder(made))
    p = combine_logits(logits, "mean_logits", Ensemble.load(made).spec.calibration)
    right = (p.argmax(-1) == targets).double().mean().item()
    assert written["ensemble"]["top1"] == right
    main(["evaluate", str(made), "--json", "--batch-size", "16"])
    again = json.loads(capsys.readouterr().out)
    assert again["ensemble"]["nll"] == pytest.approx(written["ensemble"]["nll"], rel=1e-6)
    assert again["images"] == 50


def test_it_is_calibrated_cascaded_and_learnt_from(made, tmp_path, capsys):
    main(["cascade", str(made), "--tolerance", "20", "--json"])
    assert json.loads(capsys.readouterr().out)["selected_checkpoint"]
    assert Ensemble.load(made).spec.cascade is not None
    main(["calibrate", str(made), "--json"])
    assert json.loads(capsys.readouterr().out)["fitted_on"] == "validation"
    run(tmp_path / "taught", epochs=1, teacher={"run": str(made)})
    kept = [(made / "split.jsonl").read_bytes(), (tmp_path / "taught" / "split.jsonl").read_bytes()]
    assert kept[0] == kept[1]


def test_what_cannot_be_assembled_is_refused(root, made, tmp_path, capsys):
    out = ("--output", tmp_path / "out")
    wide = root / "wide"
    assert "nothing to assemble" in refusal(capsys, "assemble", *out)
    assert "is given twice" in refusal(capsys, "assemble", wide, wide, *out)
    told = refusal(capsys, "assemble", wide, root / "split", *out)
    assert "has trained on" in told
    assert "images of" in told
    told = refusal(capsys, "assemble", wide, root / "two", "--output", made)
    assert "holds a run or an ensemble" in told
    told = refusal(capsys, "assemble", wide, "--select", "greedy", "--combine", "max_logits", *out)
    assert "combine='max_logits' has no weights" in told
    load_shipped(wide).save(tmp_path / "bare")
    told = refusal(capsys, "assemble", wide, tmp_path / "bare", *out)
    assert "does not say which images it trained on" in told
    assert not (tmp_path / "out").exists()


def test_without_validation_images_all_are_taken_and_none_picked(tmp_path):
    for seed in (0, 1):
        own = {"train_images": 80, "validation": "none"}
        run(tmp_path / str(seed), epochs=1, seed=seed, data=own)
    runs = [tmp_path / "0", tmp_path / "1"]
    found = assemble_runs(runs)
    assert (found.scores, found.ensemble.spec.into) == (None, 2)
    with pytest.raises(ConfigError, match="--select greedy: the runs have no validation images"):
        assemble_runs(runs, select="greedy")
