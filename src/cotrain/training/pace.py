"""How long a run would take, by the first seconds of it."""

import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import Callback

from cotrain.basics.run_folder import RunFolder
from cotrain.config import Experiment
from cotrain.data import read_record
from cotrain.training.building import build_module
from cotrain.training.from_experiment import experiment_images
from cotrain.training.trainer import build_trainer, quiet

_EPOCHS = 3  # measured where they are short; the first is left out, as it is slower
_SECONDS = 6  # else no more than that, but for
_STEPS = 3  # so many, of which the first is left out
_FORWARD = 1 / 3  # of a training step's time: the pass back costs twice the pass forward


def estimate_seconds(experiment: Experiment, split_of: Path) -> float:
    """About how many seconds ``fit`` would take, without what early stopping saves.

    It begins a run in a folder that is removed.

    Args:
        experiment: What would be trained.
        split_of: Folder that remembers which image is in which part.

    Raises:
        ConfigError: It could not be trained.
    """
    if experiment.hardware.threads is not None:
        torch.set_num_threads(experiment.hardware.threads)
    work = _work_of_epochs(experiment)
    # Frozen epochs are short, and come first: they would promise too much.
    thawed = replace(experiment.fine_tuning, frozen_epochs=0, cached_views=0)
    experiment = replace(experiment, fine_tuning=thawed)
    begun = monotonic()
    clock = _Clock()
    splits = experiment_images(experiment, read_record(RunFolder(split_of).split))
    with tempfile.TemporaryDirectory() as root, quiet():
        folder = RunFolder(Path(root))
        trainer = build_trainer(
            experiment,
            folder,
            validates=splits.val is not None,
            resumed_step=None,
            progress=False,
        )
        trainer.callbacks.append(clock)  # type: ignore[attr-defined]
        device = trainer.strategy.root_device
        module, loaders = build_module(
            experiment, splits, folder, trainer.world_size, device=device
        )
        try:
            with suppress(_Measured):
                trainer.fit(module, datamodule=loaders)
        finally:
            module.execution.close()
    tested = -(-len(splits.test or ()) // experiment.batch_size)
    assert trainer.max_epochs is not None
    return (
        clock.begun
        - begun
        + clock.epoch_seconds(trainer) * trainer.max_epochs * work
        + clock.step_seconds() * _FORWARD * tested
    )


def _work_of_epochs(experiment: Experiment) -> float:
    """Work of the epochs, as a share of as many in which nothing is frozen.

    A frozen epoch is about a pass forward through the backbone; where features are kept, there is
    one for each view.
    """
    tuning, epochs = experiment.fine_tuning, experiment.epochs
    passes = tuning.cached_views or tuning.frozen_epochs
    return (epochs - tuning.frozen_epochs + _FORWARD * passes) / epochs


class _Measured(Exception):  # noqa: N818
    """Enough is seen."""


class _Clock(Callback):
    """Notes when training begins, and when each step and epoch ends, until enough is seen."""

    def __init__(self) -> None:
        self.begun = 0.0
        self.steps: list[float] = []
        self.epochs: list[float] = []

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        self.begun = monotonic()

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        self.steps.append(monotonic())
        self._look(trainer)

    def on_train_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        if trainer.current_epoch:
            self.epochs.append(monotonic())
            self._look(trainer)

    def _look(self, trainer: lightning.Trainer) -> None:
        late = monotonic() - self.begun > _SECONDS and len(self.steps) > _STEPS
        if late or len(self.epochs) == _EPOCHS:
            raise _Measured

    def step_seconds(self) -> float:
        """A step's time, the first step left out where there are more."""
        first, count = (self.steps[0], len(self.steps) - 1)
        if not count:
            return first - self.begun
        return (self.steps[-1] - first) / count

    def epoch_seconds(self, trainer: lightning.Trainer) -> float:
        """An epoch's time with its validation: of whole ones, or else by its steps."""
        if self.epochs:
            first, count = self.epochs[0], len(self.epochs) - 1
            return (self.epochs[-1] - first) / count if count else first - self.begun
        validation = sum(trainer.num_val_batches) * _FORWARD
        return self.step_seconds() * (trainer.num_training_batches + validation)
