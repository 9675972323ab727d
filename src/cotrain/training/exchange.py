"""Asynchronous co-training: one network learns from what the others last said, and never waits.

With the others' predictions held constant, the gradient of the co-training loss with respect to a
network's own logits is exact (arXiv:2011.14660); they may be some steps old (arXiv:1804.03235).
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytorch_lightning as lightning
import torch
from pytorch_lightning.plugins.precision import Precision
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Float
from cotrain.config import CoTrainingOptions, Experiment
from cotrain.data import TrainingBatches
from cotrain.data.epoch_order import EpochSampler, Key
from cotrain.data.views.mixing import Mix
from cotrain.ensemble.losses import CoTrainingLoss, CoTrainingLossTerms
from cotrain.ensemble.others import Others
from cotrain.ensemble.soft_targets import SoftTargets
from cotrain.networks.evaluating import evaluating
from cotrain.training.bank import Bank, Predictions, others_of
from cotrain.training.notices import say

_MOST_WHOLE, _KEPT = 100, 16  # classes of which all are kept, and how many of more


class Exchange(lightning.Callback):
    """The loss of a network beside others, and the exchange of what all of them say.

    Images of a batch are known by their place in the epoch, which is a function of the seed; what
    the network says of them is noted after every step, and shown to the others every so many.

    Args:
        loss: Of the network, where it knows what others say.
        options: Which network, and how often.
        bank: Where predictions are exchanged.
        sampler: Which images make which batch.
        batches: How they are mixed, and what they are unmixed.
        resumed: The run is gone on with, and so is what its network has said.
    """

    def __init__(
        self,
        loss: CoTrainingLoss,
        options: CoTrainingOptions,
        bank: Bank,
        sampler: EpochSampler,
        batches: TrainingBatches,
        *,
        resumed: bool,
    ) -> None:
        classes = bank.of.classes
        self.loss, self.bank, self.sampler = loss, bank, sampler
        self.every, self.batches, self._unmixed = options.exchange_steps, batches, batches.unmixed()
        usual = classes if classes <= _MOST_WHOLE else _KEPT
        self.own = Predictions.none(bank.of, options.exchange_classes or usual)
        self.others: dict[int, Predictions] = {}
        self._resumed = resumed
        self._keys: Iterator[Key] | None = None
        self._key, self._step = Key(0, 0, ()), 0  # of the batch
        self._images = torch.zeros(0, dtype=torch.int64)
        self._mix: Mix | None = None
        self._said: list[tuple[Tensor, Tensor, int]] = []  # images, logits and step, since shown
        # Of the epoch: predictions that could be known, those that are, the sum of their lags.
        self._counts = [0, 0, 0]
        self._thread = ThreadPoolExecutor(1, "exchange")
        self._running: Future[dict[int, Predictions]] | None = None

    def on_fit_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Take up what all networks have said so far; the own, where the run goes on."""
        published = self.bank.published()
        if published is not None and self._resumed:
            self.own = published
        self.others = self.bank.look(strict=True)
        newest = {number: int(each.steps.max()) for number, each in self.others.items()}
        known = ", ".join(f"{number} (step {step})" for number, step in newest.items())
        say(
            f"co_training.member={self.bank.member}: predictions of other networks in "
            f"{self.bank.folder}: {known or 'none yet'}"
        )

    def on_train_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Begin the counts; an epoch that is gone on with has those of its checkpoint."""
        self._counts = [0, 0, 0]

    def on_train_batch_start(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Know which images these are, and how they are mixed."""
        if self._keys is None:
            self._keys = self.sampler.keys(trainer.current_epoch, batch_idx)
        self._key, self._step = next(self._keys), trainer.global_step
        self._images = torch.as_tensor(self._key.indices)
        self._mix = self.batches.mix(self._key)

    def __call__(
        self,
        logits: Float[Tensor, "1 B C"],
        targets: Tensor,
        *,
        weight: float,
        taught: SoftTargets | None,
    ) -> CoTrainingLossTerms:
        """The terms of the batch, the divergence being from what the others last said."""
        if self._mix is None:
            self._said.append((self._images, logits[0].detach(), self._step))
        others = self._known(logits.device)
        return self.loss(logits, targets, weight=weight, taught=taught, others=others)

    def _known(self, device: torch.device) -> Others | None:
        """What the others last said of the images of the batch; it is counted."""
        self._counts[0] += (self.bank.of.into - 1) * len(self._images)
        if not self.others:
            return None
        others, steps = others_of(self.others, self._images)
        if self._mix is not None:
            share = self._mix.own_share(self.batches.preprocessing.image_size)
            others = others.mixed(self._mix.permutation, share)
        lags = self._step - steps[others.known]
        self._counts[1] += len(lags)
        self._counts[2] += int(lags.sum())
        return replace(others, logits=others.logits.to(device, non_blocking=True))

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Show and look every so many steps, beside those that follow; the epoch's last waits."""
        if self._mix is not None:
            logits = self._answer(pl_module, trainer.precision_plugin)
            self._said.append((self._images, logits, self._step))
        stepped = trainer.global_step > self._step
        if trainer.is_last_batch:
            self._keys = None
            self._take(wait=True)
            self._exchange()
            self._take(wait=True)
        elif stepped and trainer.global_step % self.every == 0:
            self._take()
            if self._running is None:
                self._exchange()
        else:
            self._take()

    @torch.no_grad()
    def _answer(self, module: Any, precision: Precision) -> Tensor:
        """What the network says of the images of a mixed batch, each by itself."""
        views = self._unmixed.finish(self._unmixed.draw(self._key)).images[0]
        with evaluating(module.ensemble), precision.train_step_context():
            return module.ensemble.networks[0](precision.convert_input(views).to(module.device))

    def _exchange(self) -> None:
        """Begin to publish what the network says, and to read what the others say."""
        for images, logits, step in self._said:
            self.own.note(images, logits.cpu(), step)
        self._said.clear()
        self._running = self._thread.submit(self._publish_and_look, self.own.copy())

    def _publish_and_look(self, own: Predictions) -> dict[int, Predictions]:
        self.bank.publish(own)
        return self.bank.look()

    def _take(self, *, wait: bool = False) -> None:
        """Use what was read, if it is there."""
        if self._running is not None and (wait or self._running.done()):
            self.others |= self._running.result()
            self._running = None

    def row(self) -> dict[str, float]:
        """How much the network knew of the others in the epoch, for ``metrics.csv``."""
        wanted, known, lag = self._counts
        nothing = float("nan")
        return {
            "others_known": known / wanted if wanted else nothing,
            "others_lag": lag / known if known else nothing,
        }

    def state_dict(self) -> dict[str, Any]:
        return {"counts": self._counts}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._counts = list(state_dict["counts"])


def check_alone(experiment: Experiment, world_size: int) -> None:
    """Raise ConfigError if one of the networks would be trained by several processes."""
    member = experiment.co_training.member
    if member is not None and world_size > 1:
        raise ConfigError(
            f"co_training.member={member} trains on one device, not {world_size}: give "
            "hardware.devices=1"
        )
