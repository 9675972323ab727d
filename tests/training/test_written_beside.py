"""Checkpoints that are written while training goes on, as on a GPU: the same, and none is lost."""

import time

import pytest
from training_runs import cut_and_resumed, final_state, final_weights, same, tiny

from cotrain.basics.errors import TrainingError
from cotrain.training import fit, saving, trainer
from cotrain.training.checkpoint import write_checkpoint

EXPERIMENT = tiny(checkpoint_steps=1, ema=0.5)


@pytest.fixture
def beside(monkeypatch):
    """As on a GPU, with a disk that is slower than a step; the steps whose states were written."""
    written = {}

    def slowly(state, path):
        time.sleep(0.1)
        weights = {name: each.clone() for name, each in state["state_dict"].items()}
        written[state["global_step"]] = (weights, list(state["callbacks"]["RunKeeper"]["metrics"]))
        write_checkpoint(state, path)

    monkeypatch.setattr(trainer, "_writes_beside", lambda device: True)
    monkeypatch.setattr(saving, "write_checkpoint", slowly)
    return written


def test_every_state_is_that_of_its_step(tmp_path, beside, monkeypatch):
    fit(EXPERIMENT, tmp_path / "beside", progress=False)
    found = dict(beside)
    beside.clear()
    monkeypatch.setattr(trainer, "_writes_beside", lambda device: False)
    fit(EXPERIMENT, tmp_path / "run", progress=False)
    assert list(found) == list(beside) == list(range(1, 11))
    for step, (weights, metrics) in beside.items():
        assert metrics == found[step][1]
        assert same(found[step][0], weights)
    assert not same(found[1][0], found[10][0])
    assert same(final_weights(tmp_path / "beside"), final_weights(tmp_path / "run"))


def test_a_run_that_is_asked_to_stop_has_written_its_state(tmp_path, beside, monkeypatch):
    weights = cut_and_resumed(EXPERIMENT, tmp_path / "cut", monkeypatch)
    fit(EXPERIMENT, tmp_path / "run", progress=False)
    assert same(weights, final_weights(tmp_path / "run"))


def test_what_goes_wrong_with_the_disk_is_said(tmp_path, beside, monkeypatch):
    def full(state, path):
        if state["global_step"] == 3:
            raise TrainingError("the disk is full")
        write_checkpoint(state, path)

    monkeypatch.setattr(saving, "write_checkpoint", full)
    with pytest.raises(TrainingError, match="the disk is full"):
        fit(EXPERIMENT, tmp_path / "run", progress=False)
    assert final_state(tmp_path / "run")["global_step"] == 2
