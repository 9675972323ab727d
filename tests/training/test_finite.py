"""Losses on the CPU, where they are there at once, and as on a GPU, where they come late."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning.strategies import SingleDeviceStrategy
from torch import nn
from training_runs import final_state, make_loss_infinite, tiny

from cotrain.basics.errors import TrainingError
from cotrain.basics.run_folder import RunFolder
from cotrain.ensemble.losses import CoTrainingLossTerms
from cotrain.training import fit
from cotrain.training.finite import (
    MOST_SKIPPED_IN_A_ROW,
    LossWatch,
    NotFiniteError,
    StepGuard,
    check_weights,
)


def terms_of(total: float) -> CoTrainingLossTerms:
    return CoTrainingLossTerms(
        total=torch.tensor(total), cross_entropy=torch.tensor(2.5), divergence=torch.tensor(0.5)
    )


def noted(total: float) -> LossWatch:
    watch = LossWatch()
    watch.note(terms_of(total), step=7, epoch=1)
    return watch


def test_finite_losses_are_no_problem() -> None:
    LossWatch().check()
    noted(3.0).check()
    assert noted(3.0).problem() is None


@pytest.mark.parametrize("total", [float("nan"), float("inf"), -float("inf")])
def test_names_step_and_terms(total: float) -> None:
    message = r"loss of step 7 \(epoch 1\) is not finite: cross-entropy 2\.5, divergence 0\.5"
    with pytest.raises(NotFiniteError, match=message):
        noted(total).check()


@pytest.mark.parametrize(
    ("every", "bad", "saved"), [(1, 3, 3), (500, 3, None), (500, 4, None), (500, 5, 5)]
)
def test_late_news_still_name_the_step_and_come_before_saving(
    tmp_path: Path, monkeypatch, every: int, bad: int, saved: int | None
) -> None:
    """Epochs have 5 steps: 4 is the first one's last, 5 the second one's first."""
    monkeypatch.setattr(LossWatch, "late", True)
    if bad < 5:
        make_loss_infinite(monkeypatch, range(bad, bad + 1))
    else:
        make_loss_infinite(monkeypatch, range(1), epoch=1)
    with pytest.raises(TrainingError, match=rf"the loss of step {bad} "):
        fit(tiny(checkpoint_steps=every), tmp_path / "run", progress=False)
    assert RunFolder(tmp_path / "run").checkpoint.exists() == (saved is not None)
    if saved is not None:
        state = final_state(tmp_path / "run")
        assert state["global_step"] == saved
        assert all(value.isfinite().all() for value in state["state_dict"].values())


def step(guard: StepGuard, module: Any, total: float) -> bool:
    """A step that moves a BatchNorm statistic, and whether its loss is learnt from."""
    guard.begin()
    module.running_mean += 1
    return guard.accepts(terms_of(total), step=7, epoch=1)


def test_a_skipped_step_leaves_no_trace() -> None:
    module: Any = nn.BatchNorm1d(1)
    guard = StepGuard(module, skip=True)
    assert [step(guard, module, total) for total in (1.0, math.nan, math.nan, 2.0)] == [1, 0, 0, 1]
    assert module.running_mean.tolist() == [2]
    assert (guard.skipped, guard.skipped_in_a_row) == (2, 0)


def test_too_many_skipped_in_a_row_end_training() -> None:
    module = nn.BatchNorm1d(1)
    guard = StepGuard(module, skip=True)
    assert not any(step(guard, module, math.inf) for _ in range(MOST_SKIPPED_IN_A_ROW))
    with pytest.raises(NotFiniteError, match="step 7"):
        step(guard, module, math.inf)


def test_without_skipping_the_first_ends_training() -> None:
    module = nn.BatchNorm1d(1)
    guard = StepGuard(module, skip=False)
    assert step(guard, module, 1.0)
    with pytest.raises(NotFiniteError, match="step 7"):
        step(guard, module, math.nan)


def test_weights_and_buffers_are_checked() -> None:
    module: Any = nn.BatchNorm1d(1)
    strategy = SingleDeviceStrategy("cpu")
    assert check_weights(module, step=3, strategy=strategy) is None
    module.running_var.fill_(math.inf)
    with pytest.raises(NotFiniteError, match="weights after step 3 are not finite"):
        check_weights(module, step=3, strategy=strategy)


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
def test_on_a_gpu_nothing_waits_until_it_is_asked() -> None:
    terms = CoTrainingLossTerms(
        total=torch.tensor(torch.nan, device="cuda"),
        cross_entropy=torch.tensor(2.5, device="cuda"),
        divergence=torch.tensor(0.5, device="cuda"),
    )
    watch = LossWatch()
    torch.cuda.synchronize()
    try:
        torch.cuda.set_sync_debug_mode("error")
        watch.note(terms, step=7, epoch=1)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert watch.late
    with pytest.raises(NotFiniteError, match="step 7"):
        watch.check()
