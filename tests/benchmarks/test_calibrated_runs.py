"""The benchmark of calibrated runs measures each candidate of a comparison, and changes none."""

import json
from dataclasses import replace
from pathlib import Path

import calibrated_runs
import common
import pytest
from image_folders import write_folder
from training_runs import tiny

from cotrain.basics.run_folder import RunFolder
from cotrain.config import Data
from cotrain.evaluation import evaluate_logits
from cotrain.evaluation.evaluate import read_predictions
from cotrain.training import fit


def test_candidates_are_measured_before_and_after(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(common, "RESULTS", tmp_path / "results")
    photos, others = (
        write_folder(tmp_path / name, count=30, seed=seed)
        for seed, name in enumerate(("photos", "others"))
    )
    data = Data(dataset="imagefolder", root=str(photos), test=0.5, validation="none")
    for seed in (0, 1):
        experiment = replace(tiny(epochs=1, seed=seed), data=data)
        fit(experiment, tmp_path / f"s2-seed{seed}", progress=False)
    calibrated_runs.main([str(tmp_path), "--data.root", str(others), "--result", "tiny"])
    record = json.loads((tmp_path / "results" / "tiny.json").read_text())
    case = record["cases"]["s2"]
    assert case["n"] == 2
    assert not (tmp_path / "s2-seed0" / "ensemble" / "calibration.json").exists()
    kept = read_predictions(RunFolder(tmp_path / "s2-seed0"))
    before = case["runs"][0]["before"]
    assert before["ece"] == pytest.approx(evaluate_logits(*kept).ensemble.ece)
    assert case["mean"]["ece before"]["runs"][0] == before["ece"]
    assert case["runs"][0]["images"] == 60
    assert "s2, 2 seeds: ECE" in capsys.readouterr().out
