"""One training step of S networks, as the LightningModule that the Trainer drives."""

from dataclasses import dataclass
from typing import Any

import pytorch_lightning as lightning
import torch
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from cotrain.config import Experiment
from cotrain.data import Batch
from cotrain.ensemble import Ensemble
from cotrain.losses import CoTrainingLoss, CoTrainingLossTerms, co_training_weight
from cotrain.optimization import build_optimizer
from cotrain.schedules import learning_rate
from cotrain.seeds import derive_seed
from cotrain.training.tally import Tally

# Skipping is for a stray bad batch; this many in a row mean that the weights are lost.
_MOST_SKIPPED_IN_A_ROW = 10


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where in the run a step stands.

    Args:
        epoch: Epoch of the schedule, from 0.
        network: The one network being trained, or None when all are trained together.
    """

    epoch: int
    network: int | None


class CoTraining(lightning.LightningModule):
    """Trains an ensemble: every network on its own view, pulled together by the co-training loss.

    Args:
        ensemble: The S networks.
        experiment: How they are trained.
        steps_per_epoch: Optimizer steps in one epoch.
    """

    def __init__(self, ensemble: Ensemble, experiment: Experiment, steps_per_epoch: int) -> None:
        super().__init__()
        options = experiment.co_training
        self.ensemble = ensemble
        self.experiment = experiment
        self.steps_per_epoch = steps_per_epoch
        self.average = _moving_average(ensemble, experiment.ema)
        self.loss = CoTrainingLoss(options.divergence, options.label_smoothing)
        self.training_tally = Tally(experiment.into)
        self.validation_tally = Tally(experiment.into)
        self.validation: dict[str, float] = {}
        self.skipped = 0
        self.skipped_in_a_row = 0
        # Where a resumed run begins: an epoch, and the batches of it that are already done.
        self.next_batch = (0, 0)

    @property
    def answering(self) -> Ensemble:
        """The ensemble that is validated and shipped: the moving average where there is one."""
        return self.ensemble if self.average is None else self.average.module

    @property
    def place(self) -> Place:
        """The current epoch, within the network's own schedule where they train one at a time."""
        epochs = self.experiment.epochs
        if self.experiment.co_training.together:
            return Place(epoch=self.current_epoch, network=None)
        return Place(epoch=self.current_epoch % epochs, network=self.current_epoch // epochs)

    @property
    def weight(self) -> float:
        """Weight of the divergence in this epoch."""
        options = self.experiment.co_training
        ramp = 0.13 * self.experiment.epochs if options.ramp_epochs is None else options.ramp_epochs
        return co_training_weight(self.place.epoch, weight=options.weight, ramp_epochs=ramp)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor | None:
        """The loss of one batch of views [S, B, C, H, W]; None skips a step that is not finite."""
        seed = self.experiment.seed
        torch.manual_seed(
            derive_seed(seed, "step", self.current_epoch, batch_idx, self.global_rank)
        )
        buffers = self._copied_buffers()
        logits = self._logits(batch.images)
        terms = self.loss(logits, batch.targets, weight=self.weight)
        if not torch.isfinite(terms.total):
            return self._not_finite(terms, buffers)
        self.skipped_in_a_row = 0
        self.training_tally.add(logits.detach(), batch.targets, terms, self.place.network)
        return terms.total

    def _logits(self, views: Tensor) -> Tensor:
        if self.experiment.hardware.channels_last:
            flat = views.flatten(0, 1).contiguous(memory_format=torch.channels_last)
            views = flat.unflatten(0, views.shape[:2])
        network = self.place.network
        if network is None:
            return self.ensemble(views)
        return self.ensemble.networks[network](views[network])[None]

    def _not_finite(self, terms: CoTrainingLossTerms, buffers: list[Tensor]) -> None:
        """Stop, or undo what the forward pass did to the BatchNorm statistics and go on."""
        self.skipped += 1
        self.skipped_in_a_row += 1
        if self.experiment.on_nan == "error" or self.skipped_in_a_row > _MOST_SKIPPED_IN_A_ROW:
            raise NotFiniteError(
                f"the loss of step {self.global_step} (epoch {self.current_epoch}) is not finite: "
                f"cross-entropy {terms.cross_entropy.item()}, divergence {terms.divergence.item()}"
            )
        for buffer, before in zip(self.ensemble.buffers(), buffers, strict=True):
            buffer.copy_(before)

    def _copied_buffers(self) -> list[Tensor]:
        if self.experiment.on_nan == "error":
            return []
        return [buffer.clone() for buffer in self.ensemble.buffers()]

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Step, then average the weights and BatchNorm buffers, before any checkpoint is saved."""
        super().optimizer_step(*args, **kwargs)
        if self.average is not None:
            self.average.update_parameters(self.ensemble)

    def validation_step(self, batch: Batch, _: int) -> None:
        """Count what the answering ensemble gets right on images [B, C, H, W]."""
        self.validation_tally.add(self.answering(batch.images), batch.targets)

    def on_train_epoch_start(self) -> None:
        """Begin the epoch's counts; a resumed epoch goes on with those of its checkpoint."""
        self.training_tally.clear()

    def on_validation_epoch_start(self) -> None:
        self.validation_tally.clear()

    def on_validation_epoch_end(self) -> None:
        """Log the validation; early stopping watches ``val_accuracy``."""
        means = self.validation_tally.means(self.trainer.strategy)
        self.validation = {f"val_{name}": value for name, value in means.items()}
        self._log(self.validation)

    def epoch_row(self) -> dict[str, float]:
        """What ``metrics.csv`` says of the epoch that ends; every process must call it."""
        means = self.training_tally.means(self.trainer.strategy)
        row = {f"train_{name}": value for name, value in means.items()}
        last_step = self.global_step - 1
        row["learning_rate"] = (
            self._relative_learning_rate(last_step) * self.experiment.optimizer.lr
        )
        row["co_training_weight"] = self.weight
        row["skipped_steps"] = self.skipped
        self._log(row)
        where = {"epoch": self.current_epoch, "step": self.global_step}
        return where | row | self.validation

    def _log(self, metrics: dict[str, float]) -> None:
        """Log to TensorBoard; accuracies of every network and the ensemble are on the bar too."""
        for name, value in metrics.items():
            self.log(name, float(value), prog_bar="accuracy" in name)

    def configure_optimizers(self) -> Any:
        """One optimizer over all networks; the learning rate is set at every step."""
        settings = self.experiment.optimizer
        optimizer = build_optimizer(self.ensemble, settings, self.experiment.into)
        scheduler = LambdaLR(optimizer, self._relative_learning_rate)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def _relative_learning_rate(self, step: int) -> float:
        if self.experiment.optimizer.lr == 0:
            return 0.0
        epochs = self.experiment.epochs
        if not self.experiment.co_training.together:
            step %= epochs * self.steps_per_epoch
        rate = learning_rate(
            step,
            schedule=self.experiment.schedule,
            lr=self.experiment.optimizer.lr,
            epochs=epochs,
            steps_per_epoch=self.steps_per_epoch,
        )
        return rate / self.experiment.optimizer.lr

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what Lightning does not keep: the epoch's counts, skipped steps, random state."""
        checkpoint["cotrain"] = {
            "training_tally": self.training_tally.state(self.trainer.strategy),
            "skipped": (self.skipped, self.skipped_in_a_row),
            "validation": self.validation,
            "next_batch": self.next_batch,
            "random_state": torch.get_rng_state(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        state = checkpoint["cotrain"]
        self.training_tally.load(state["training_tally"], first=self.global_rank == 0)
        self.skipped, self.skipped_in_a_row = state["skipped"]
        self.validation = state["validation"]
        self.next_batch = tuple(state["next_batch"])
        torch.set_rng_state(state["random_state"])


class NotFiniteError(Exception):
    """The loss, or a weight, is NaN or infinite."""


def _moving_average(ensemble: Ensemble, decay: float | None) -> AveragedModel | None:
    """An exponential moving average of parameters and of BatchNorm's running statistics."""
    if decay is None:
        return None
    average = AveragedModel(ensemble, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
    return average.requires_grad_(False)
