"""What the tests of training share: a run of seconds, and how it looks from outside."""

from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from cotrain.basics.errors import Interrupted
from cotrain.basics.run_folder import RunFolder
from cotrain.config import (
    Data,
    Experiment,
    Hardware,
    Views,
)
from cotrain.training import CoTraining, fit
from cotrain.training.checkpoint import read_checkpoint

TINY = Experiment(
    network="basic_resnet8_4",
    into=2,
    epochs=2,
    batch_size=16,
    data=Data(train_images=80, test_images=50, validation="none"),
    views=Views(padding=1, flip=False),
    hardware=Hardware(accelerator="cpu"),
)


def tiny(**settings: Any) -> Experiment:
    """The tiny experiment with other settings; those of a part as ``optimizer={"lr": 0.5}``."""
    changed = {
        name: replace(getattr(TINY, name), **value) if is_dataclass(getattr(TINY, name)) else value
        for name, value in settings.items()
    }
    return replace(TINY, **changed)


def final_state(folder: Path) -> dict[str, Any]:
    """The state that the newest checkpoint holds."""
    return read_checkpoint(RunFolder(folder).checkpoint)


def final_weights(folder: Path) -> dict[str, Tensor]:
    """Weights and buffers of the networks in the newest checkpoint."""
    state = final_state(folder)["state_dict"]
    return {k: v for k, v in state.items() if k.startswith("ensemble.")}


def same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    """Whether both hold the same names and values, bit for bit."""
    return left.keys() == right.keys() and all(
        torch.equal(left[name], right[name]) for name in left
    )


def read_metrics(folder: Path) -> list[dict[str, float]]:
    """The rows of ``metrics.csv``."""
    header, *rows = RunFolder(folder).metrics.read_text().splitlines()
    return [dict(zip(header.split(","), map(float, row.split(",")), strict=True)) for row in rows]


def make_loss_infinite(monkeypatch: pytest.MonkeyPatch, steps: range, epoch: int = 0) -> None:
    """The images of these batches of an epoch are infinite."""
    step = CoTraining.training_step

    def broken(self: CoTraining, batch, batch_idx):
        if self.current_epoch == epoch and batch_idx in steps:
            batch = batch._replace(images=batch.images * torch.inf)
        return step(self, batch, batch_idx)

    monkeypatch.setattr(CoTraining, "training_step", broken)


class KilledError(Exception):
    """Ends a run where it is."""


def cut_and_resumed(
    experiment: Experiment,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    epoch: int = 1,
    step: int = 0,
    by: Exception | None = None,
) -> dict[str, Tensor]:
    """Cut a new run off before a step, and go on; its final weights.

    By default it is asked to stop; a ``KilledError`` leaves what its newest checkpoint has.
    """
    error = by or Interrupted("stopped", 2)
    whole = CoTraining.training_step

    def cut(self: CoTraining, batch: Any, batch_idx: int) -> Any:
        if (self.current_epoch, batch_idx) == (epoch, step):
            raise error
        return whole(self, batch, batch_idx)

    with monkeypatch.context() as patched:
        patched.setattr(CoTraining, "training_step", cut)
        with pytest.raises(type(error)):
            fit(experiment, folder, progress=False)
    assert not RunFolder(folder).evaluation.exists()
    fit(experiment, folder, resume=True, progress=False)
    return final_weights(folder)
