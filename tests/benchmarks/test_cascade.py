"""The benchmark of the cascade runs to its end, and says what the runs' answers are."""

import json
from pathlib import Path

import cascade
import common
import pytest
from cascade import Seconds
from training_runs import tiny

from cotrain.evaluation.cascade.of_run import cascade_of_run
from cotrain.training import fit

DATA = {"train_images": 160, "calibration": 60, "test_images": 100}


def test_a_folder_of_compare_is_measured(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(common, "RESULTS", tmp_path / "results")
    for into in (1, 4):
        fit(tiny(into=into, epochs=1, data=DATA), tmp_path / f"s{into}-seed0", progress=False)
    words = [str(tmp_path), "--rounds", "2", "--levels", "none", "light", "--result", "tiny"]
    cascade.main(words)
    record = json.loads((tmp_path / "results" / "tiny.json").read_text())
    case = record["cases"]["seed 0"]
    assert (record["n"], record["rounds"], record["machine"]["torch_threads"]) == (1, 2, 1)
    assert not (tmp_path / "s4-seed0" / "ensemble" / "cascade.json").exists()
    found = cascade_of_run(tmp_path / "s4-seed0")
    assert found.tested is not None
    assert found.tested.cascade is not None
    assert case["share"] == found.tested.cascade.share
    assert case["top1"]["cascade"] == found.tested.cascade.scores.top1
    assert case["top1"]["full ensemble"] == found.tested.evaluation.ensemble.top1
    times = case["times"]["batch 64"]
    assert times["none"]["large network"]["processor"]["by_large"] == 1
    assert set(times) == {"none", "light", "fastest"}
    assert "seed 0: large network" in capsys.readouterr().out


def test_ratios_are_those_of_each_round():
    def rounds(*clock: float) -> list[Seconds]:
        return [Seconds(processor=2 * each, clock=each) for each in clock]

    slow, times = [1.0, 3.0, 9.0], {}
    for who, factor in ((cascade.LARGE, 1), (cascade.FULL, 2), (cascade.CASCADE, 0.5)):
        times[who, "none"] = rounds(*(factor * each for each in slow))
        times[who, "light"] = rounds(*(factor * each / 3 for each in slow))
    times[cascade.CASCADE, "light"] = rounds(1.0, 2.0, 4.5)
    found = cascade.summary(times, ["none", "light"])
    assert found["none"][cascade.CASCADE]["clock"] == {"ms": 1500.0, "by_large": 0.5}
    # Of rounds 1 / (1/3), 2 / 1 and 4.5 / 3.
    assert found["light"][cascade.CASCADE]["processor"] == {"ms": 4000.0, "by_large": 2.0}
    assert found["fastest"][cascade.CASCADE]["how"] == "none"
    assert found["fastest"][cascade.LARGE]["how"] == "light"


@pytest.mark.parametrize(("accurate", "missed"), [(0.9, []), (0.898, ["accuracy", "faster"])])
def test_what_is_met(accurate: float, missed: list[str]):
    ways = {"fastest": {cascade.CASCADE: {"processor": {"by_large": 0.9}}}}
    top1 = {cascade.LARGE: 0.899, cascade.FULL: 0.9005, cascade.CASCADE: accurate}
    found = cascade.met({"top1": top1, "share": 0.6, "times": {"batch 1": ways}})
    assert [target.split()[0] for target, is_met in found.items() if not is_met] == missed
