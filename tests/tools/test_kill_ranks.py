"""What the killing of processes counts, and what it finds to differ."""

import random
import signal
from pathlib import Path

import pytest
import torch

from cotrain.basics.run_folder import RunFolder
from cotrain.training.checkpoint import write_checkpoint
from tools import kill_ranks
from tools.kill_ranks import GLOBAL_BATCH, METRICS, PROCESSES, differences, kill_until_done, on


def test_every_number_of_processes_makes_the_same_steps() -> None:
    begun = [on(processes) for processes in PROCESSES]
    assert [each.hardware.devices for each in begun] == [4, 2, 1]
    assert {each.hardware.devices * each.optimizer.accumulate for each in begun} == {GLOBAL_BATCH}


@pytest.mark.parametrize(("ended", "kills"), [([0], 0), ([2, -signal.SIGKILL, 0], 2)])
def test_a_run_is_killed_until_it_ends(ended, kills, monkeypatch, tmp_path: Path) -> None:
    left = iter(ended)
    monkeypatch.setattr(kill_ranks, "attempt", lambda *_: next(left))
    draw = random.Random(0)
    assert kill_until_done(on(2), tmp_path, name="two", longest=1.0, draw=draw) == kills


def test_a_run_that_ends_otherwise_is_an_error(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kill_ranks, "attempt", lambda *_: 1)
    with pytest.raises(SystemExit, match=r"two: .* ended with exit code 1"):
        kill_until_done(on(2), tmp_path, name="two", longest=1.0, draw=random.Random(0))


def trained(root: Path, weight: float, loss: float) -> Path:
    """A folder of a run with one weight, one average, and one epoch."""
    folder = RunFolder(root)
    root.mkdir()
    state = {
        "a.weight": torch.tensor([weight], dtype=torch.float64),
        "a.running_mean": torch.tensor([weight]),
    }
    write_checkpoint({"state_dict": state}, folder.checkpoint)
    folder.metrics.write_text(f"{','.join(METRICS)}\n{','.join([str(loss)] * len(METRICS))}\n")
    return root


def test_what_differs_is_named(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole", 1.0, 0.5)
    rounded = trained(tmp_path / "rounded", 1.0 + 1e-12, 0.5 + 1e-8)
    other = trained(tmp_path / "other", 1.0 + 1e-6, 0.5 + 1e-4)
    (other / "config.yaml.tmp").touch()
    assert differences(whole, rounded) == []
    assert differences(whole, other) == ["a.weight", *METRICS, "config.yaml.tmp"]
