"""Pretrained networks that differ, by the command: trained, calibrated, cascaded, exported."""

import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch

from cotrain import Ensemble
from cotrain.cli import main
from cotrain.export import load_exported

NETWORKS = ("test_resnet", "test_efficientnet")  # whose weights want other means and deviations


def run(*words: object) -> None:
    main([str(word) for word in words])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mixed")
    files = [folder / f"{name}.pth" for name in NETWORKS]
    for name, file in zip(NETWORKS, files, strict=True):
        torch.manual_seed(3)
        torch.save(timm.create_model(name).state_dict(), file)
    run(
        *("train", "--config", "digits", "--network", ",".join(f"timm:{n}" for n in NETWORKS)),
        *("--pretrained", ",".join(map(str, files)), "--data.image-size", "32"),
        *("--data.train_images", "80", "--data.test_images", "30", "--data.calibration", "0.4"),
        *("--epochs", "1", "--batch-size", "16", "--optimizer.lr", "0.01", "--progress", "false"),
        *("--hardware.accelerator", "cpu", "--output", folder / "run"),
    )
    return folder / "run"


def test_what_was_fitted_to_it_changes_no_network(trained, capsys):
    before = json.loads((trained / "evaluation.json").read_text())
    assert len(before["networks"]) == 2
    run("calibrate", trained)
    run("cascade", trained, "--tolerance", "5")
    spec = Ensemble.load(trained / "ensemble").spec
    assert [bool(each.mean) for each in spec.members] == [False, True]
    assert (spec.calibration is None, spec.cascade is None) == (False, False)
    capsys.readouterr()
    run("evaluate", trained, "--calibrated", "false", "--json")
    after = json.loads(capsys.readouterr().out)
    assert after["networks"] == before["networks"]
    assert after["ensemble"] == before["ensemble"]


def test_exported_files_answer_as_its_networks_do(trained, tmp_path):
    place = tmp_path / "files"
    run("export", trained, "--format", "onnx", "--split", "--output", place)
    pixels = torch.randint(256, (4, 1, 32, 32), dtype=torch.uint8)
    ensemble: Any = Ensemble.load(trained / "ensemble")
    exported = load_exported(place)
    with torch.no_grad():
        expected = ensemble(ensemble.prepare(pixels))
    torch.testing.assert_close(exported(exported.prepare(pixels)), expected, rtol=1e-3, atol=1e-4)
