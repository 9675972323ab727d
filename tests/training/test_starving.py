"""A run that waits for images says so once, with the number of workers that would do."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from training_runs import tiny

from cotrain.training import fit, starving
from cotrain.training.starving import StarvingNotice, advice


@pytest.mark.parametrize(
    ("waited", "stepped", "workers", "cores", "share", "proposal"),
    [
        (0.3, 0.1, 0, 8, "75%", "--data.workers 3"),
        (0.31, 0.1, 0, 8, "76%", "--data.workers 4"),
        (0.3, 0.1, 2, 16, "75%", "--data.workers 8"),
        (0.3, 0.1, 2, 4, "75%", "--data.workers 4, one a core (8 would be needed)"),
        (0.3, 0.1, 4, 4, "75%", "make the files smaller, or choose cheaper views.policy"),
    ],
)
def test_workers_are_proposed_by_what_was_measured(
    waited, stepped, workers, cores, share, proposal
):
    line = advice(waited, stepped, images=64, workers=workers, cores=cores)
    assert line.startswith(f"training waits {share} of its time for images, of which ")
    assert line.endswith(proposal)
    loaded = {0.31: 206}.get(waited, 160 if workers else 213)  # 64 / 0.4 or 64 / 0.3
    assert f" {loaded} are loaded a second and 640 could be trained on: " in line


def _train(monkeypatch, *, loading: float, step: float, batches: int) -> StarvingNotice:
    """A training whose clock the test turns."""
    clock = [100.0]
    monkeypatch.setattr(starving, "monotonic", lambda: clock[0])
    notice = StarvingNotice(0)
    trainer: Any = SimpleNamespace(is_global_zero=True, world_size=1)
    module: Any = SimpleNamespace(device=torch.device("cpu"))
    batch = SimpleNamespace(targets=torch.zeros(10))
    for epoch in range(2):
        notice.on_train_epoch_start(trainer, module)
        clock[0] += 1000 * epoch  # a validation
        for index in range(batches):
            clock[0] += loading
            notice.on_train_batch_start(trainer, module, batch, index)
            clock[0] += step
            notice.on_train_batch_end(trainer, module, None, batch, index)
    return notice


def test_it_is_said_once_and_only_of_a_run_that_waits(monkeypatch, capsys):
    _train(monkeypatch, loading=0.6, step=0.4, batches=100)
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1
    assert said[0].startswith("cotrain: training waits 60% of its time for images, of which 17 are")
    assert _train(monkeypatch, loading=0.4, step=0.6, batches=100).is_done
    assert not _train(monkeypatch, loading=0.6, step=0.4, batches=9).is_done
    assert capsys.readouterr().out == ""


def test_slow_steps_are_judged_by_a_few(monkeypatch, capsys):
    notice = _train(monkeypatch, loading=40, step=20, batches=3)
    assert len(notice.stepped) == 2
    assert "waits 67% of its time" in capsys.readouterr().out


def test_a_real_run_is_measured(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(starving, "_WARM", 0)
    monkeypatch.setattr(starving, "_STEPS", 2)
    monkeypatch.setattr(starving, "_STARVED", 0)
    fit(replace(tiny(), epochs=1), tmp_path / "run", progress=False)
    assert capsys.readouterr().out.count("training waits") == 1
