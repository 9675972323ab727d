"""LossWatch on the CPU, where a loss is there at once, and as on a GPU, where it comes late."""

from pathlib import Path

import pytest
import torch
from pytorch_lightning.strategies import SingleDeviceStrategy
from training_runs import final_state, make_loss_infinite, tiny

from cotrain.basics.errors import TrainingError
from cotrain.basics.run_folder import RunFolder
from cotrain.ensemble.losses import CoTrainingLossTerms
from cotrain.training import fit
from cotrain.training.finite import LossWatch, NotFiniteError


def noted(total: float) -> LossWatch:
    watch = LossWatch()
    terms = CoTrainingLossTerms(
        total=torch.tensor(total), cross_entropy=torch.tensor(2.5), divergence=torch.tensor(0.5)
    )
    watch.note(terms, step=7, epoch=1, strategy=SingleDeviceStrategy("cpu"))
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


@pytest.mark.gpu
def test_on_a_gpu_nothing_waits_until_it_is_asked() -> None:
    terms = CoTrainingLossTerms(
        total=torch.tensor(torch.nan, device="cuda"),
        cross_entropy=torch.tensor(2.5, device="cuda"),
        divergence=torch.tensor(0.5, device="cuda"),
    )
    watch = LossWatch()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        watch.note(terms, step=7, epoch=1, strategy=SingleDeviceStrategy("cuda"))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert watch.late
    with pytest.raises(NotFiniteError, match="step 7"):
        watch.check()
