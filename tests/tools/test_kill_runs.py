"""Runs that are killed and gone on with are those that were not; what differs is found."""

import shutil
from pathlib import Path

from tools.kill_runs import COMPARED, configurations, differences, measure


def test_killed_runs_are_the_same(tmp_path: Path) -> None:
    kept: list[int] = []
    result = measure(
        {"workers": configurations(tmp_path)["workers"]},
        tmp_path,
        kills=2,
        result={},
        keep=lambda known: kept.append(known["workers"]["kills"]),
    )
    own = result["workers"]
    assert own["kills"] >= 2
    assert own["differing"] == []
    assert own["runs"] == len(kept)
    assert kept[-1] == own["kills"]


def test_what_differs_is_named(tmp_path: Path) -> None:
    whole, other = tmp_path / "whole", tmp_path / "other"
    for name in COMPARED:
        (whole / "s1-seed0" / name).parent.mkdir(parents=True, exist_ok=True)
        (whole / "s1-seed0" / name).write_text(name)
    shutil.copytree(whole, other)
    assert differences(whole, other) == []
    (other / "s1-seed0" / "metrics.csv").write_text("1")
    (other / "s1-seed0" / "evaluation.json").unlink()
    (other / "s1-seed0" / "config.yaml.tmp").touch()
    assert differences(whole, other) == [
        "s1-seed0/metrics.csv",
        "s1-seed0/evaluation.json",
        "s1-seed0/config.yaml.tmp",
    ]


def test_every_kind_of_training_is_among_them(tmp_path: Path) -> None:
    known = configurations(tmp_path)
    assert len(known) == len({repr(each) for each in known.values()}) == 11
    assert known["workers"].data.workers == 2
    assert known["accumulation"].optimizer.accumulate == 3
    assert known["moving average"].ema == 0.9
    assert known["bf16"].hardware.precision == "bf16-mixed"
    assert not known["one at a time"].co_training.together
    assert known["early stopping"].early_stopping == 1
    assert known["2 processes"].hardware.devices == 2
    assert known["2 processes"].optimizer.accumulate == 2
    assert known["4 processes"].hardware.devices == 4
    assert known["folder of images"].data.root == str(tmp_path)
