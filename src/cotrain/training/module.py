"""One training step of S networks, as the LightningModule that the Trainer drives."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytorch_lightning as lightning
import torch
from torch import Tensor

from cotrain.basics.seeds import derive_seed, seed_all
from cotrain.config import Experiment
from cotrain.config.difference import record_settings
from cotrain.data import Batch
from cotrain.ensemble.ensemble import Ensemble
from cotrain.ensemble.peers.peer import Peer
from cotrain.ensemble.soft_targets import SoftTargets
from cotrain.execution import prepare_training
from cotrain.training.cached_features import FeatureCache
from cotrain.training.ema import MovingAverage
from cotrain.training.epoch_metrics import Tally
from cotrain.training.exchange import Exchange
from cotrain.training.finite import StepGuard, check_weights
from cotrain.training.from_experiment import co_training_loss, training_execution
from cotrain.training.learning_rates import lr_scales
from cotrain.training.network_parallel import NetworkParallel
from cotrain.training.notices import say
from cotrain.training.optimization import build_optimizer, is_fused, scale_gradients
from cotrain.training.resuming import ARITHMETIC, check_teacher, take_up_groups
from cotrain.training.sharing import Sharing
from cotrain.training.teacher import FixedTeacher
from cotrain.training.timetable import Place, Timetable


class CoTraining(lightning.LightningModule):
    """Trains an ensemble: every network on its own view, pulled together by the co-training loss.

    Args:
        ensemble: The S networks, or the one of a peer.
        experiment: How they are trained.
        sharing: Which batches make a step, and an epoch.
        class_weights: What an image of each class counts; all alike if None.
        teacher: Who answers the views, for the networks to learn from; None for the labels alone.
        cache: What answers features in place of images; None where there are images alone.
        callbacks: What happens to the networks between the steps.
        exchange: With networks that are trained elsewhere; None where all are trained here.
    """

    def __init__(
        self,
        ensemble: Ensemble | Peer,
        experiment: Experiment,
        sharing: Sharing,
        class_weights: tuple[float, ...] | None = None,
        teacher: FixedTeacher | None = None,
        cache: FeatureCache | None = None,
        callbacks: Sequence[lightning.Callback] = (),
        exchange: Exchange | None = None,
    ) -> None:
        super().__init__()
        self.cache, self.sharing = cache, sharing
        self.ensemble, self.experiment = ensemble, experiment
        self.begun = False
        self.teacher = teacher
        self.timetable = Timetable(experiment=experiment, steps_per_epoch=sharing.steps)
        decay = experiment.ema
        self.execution = prepare_training(ensemble.networks, "loop")
        self.average = None if decay is None else MovingAverage(ensemble, decay)
        networks = [ensemble, *([self.average.ensemble] if self.average else [])]
        self.spread = NetworkParallel(networks, experiment.hardware.network_parallel)
        self.callbacks = [*callbacks, self.spread]
        self.loss = exchange or co_training_loss(experiment, class_weights)
        losses = ["loss", "cross_entropy", "divergence", *(["teacher"] if teacher else [])]
        self.training_tally = Tally(ensemble.spec.into, losses)
        self.validation_tally = Tally(ensemble.spec.into, ["nll"])
        self.guard = StepGuard(ensemble, skip=experiment.on_nan == "skip")
        self.training_means: dict[str, float] = {}  # of the last epoch, over all processes
        self.validation: dict[str, float] = {}
        # Where a resumed run begins: an epoch, and the batches of it that are already done.
        self.next_batch = (0, 0)
        self.accumulated = 0  # batches whose gradients the next step has

    @property
    def answering(self) -> Ensemble | Peer:
        """The ensemble that is validated and shipped: the moving average where there is one."""
        return self.ensemble if self.average is None else self.average.ensemble

    @property
    def place(self) -> Place:
        """The current epoch, and the networks that this process trains in it."""
        place, own = self.timetable.place(self.current_epoch), self.spread.networks
        return replace(place, networks=own) if self.spread.spreads else place

    def on_fit_start(self) -> None:
        """Prepare the networks, which are on their device by now; say what the teacher costs."""
        context = self.trainer.precision_plugin.train_step_context
        if self.teacher is not None:
            networks = len(self.place.networks)
            shape = (networks, self.experiment.batch_size, *self.ensemble.image_shape)
            time = self.teacher.begin(shape, self.device, context)
            say(f"teacher.run={self.experiment.teacher.run}: it answers in {time:.1f} ms a step")
        own = [self.ensemble.networks[index] for index in self.spread.networks]
        shape = (len(own), self.experiment.batch_size, *self.ensemble.image_shape)
        how = self.device, context, self.trainer.world_size == 1
        self.execution = training_execution(self.experiment, own, shape, *how)

    def on_train_start(self) -> None:
        """What was saved is taken up by now."""
        self.begun = True

    def on_after_backward(self) -> None:
        """Go on from the logits into the networks, where autograd has not done so itself."""
        self.execution.backward()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor | None:
        """The loss of one batch of views [S, B, C, H, W]; None skips the step."""
        if batch_idx % self.sharing.accumulate == 0:
            self.accumulated = 0
        self.guard.begin()
        logits = self.spread.exchange(self._logits(batch.images, batch_idx))
        # A peer may answer an image several times, beside others each time.
        targets = batch.targets.repeat_interleave(logits.shape[1] // len(batch.targets), 0)
        weight = self.timetable.weight(self.current_epoch)
        terms = self.loss(logits, targets, weight=weight, taught=self._taught(batch.images))
        if not self.guard.accepts(terms, step=self.global_step, epoch=self.current_epoch):
            return None
        self.accumulated += 1
        losses = [terms.total, terms.cross_entropy, terms.divergence]
        losses += [] if terms.teacher is None else [terms.teacher]
        if self.spread.is_first:
            self.training_tally.add(logits, targets, losses, self.place.networks[0])
        return terms.total

    def _logits(self, views: Tensor, batch_idx: int) -> Tensor:
        """Logits of the networks being trained: the one place where they run."""
        if self.cache is not None and self.cache.filled:
            return self.cache.answer(self.ensemble, views)
        if self.experiment.co_training.together:
            seed = partial(self._seed_network, batch_idx=batch_idx)
            # The one network of a peer gives all S answers.
            return self.execution.forward(views, seed).flatten(0, -3)
        index = self.place.networks[0]
        self._seed_network(index, batch_idx)
        return self.ensemble.networks[index](views[index])[None]

    def _taught(self, views: Tensor) -> SoftTargets | None:
        """What the teacher answers to the views of the networks being trained."""
        if self.teacher is None:
            return None
        alone = not self.experiment.co_training.together
        taught = self.teacher.soft_targets(views[self.place.networks[0]][None] if alone else views)
        return replace(taught, scores=self.spread.exchange(taught.scores))

    def _seed_network(self, index: int, batch_idx: int) -> None:
        """Give a network of this process a random state (dropout) of its own before it runs."""
        number = self.experiment.network_numbers[self.spread.networks[index]]
        where = (self.place.epoch, self.spread.share.batch(batch_idx), 0, number)
        seed_all(derive_seed(self.experiment.seed, "step", *where), self.device)

    def check_finite(self) -> None:
        """Raise NotFiniteError if the last loss, a weight or a buffer is not; all must call it."""
        self.guard.watch.check()
        check_weights(self, step=self.global_step, strategy=self.trainer.strategy)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Make the gradient the mean over the batches that there are, before it is clipped.

        Lightning divides by ``accumulate`` also where an epoch ends before, or a batch is skipped.
        """
        wanted = self.sharing.accumulate
        if 0 < self.accumulated < wanted:
            scale_gradients(self.ensemble, wanted / self.accumulated)
        self.spread.clip(self.experiment.optimizer.clip)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Step with the schedule's learning rate, then average, before any checkpoint is saved."""
        step = self.global_step
        for group in self.optimizers(use_pl_optimizer=False).param_groups:  # type: ignore[union-attr]
            group["lr"] = self.timetable.learning_rate(step) * group.get("lr_scale", 1.0)
        super().optimizer_step(*args, **kwargs)
        if self.average is not None:
            self.average.update(self.place.networks, self.timetable.own_step(step))

    def on_train_epoch_start(self) -> None:
        """Begin the epoch's counts; a resumed epoch goes on with those of its checkpoint."""
        self.training_tally.clear()

    def end_epoch(self) -> None:
        """Take the means of the epoch over all processes, which must all call it."""
        self.guard.watch.check()
        sums = self.training_tally.summed(self.trainer.strategy)
        self.training_means = self.training_tally.means(sums)

    def on_validation_epoch_start(self) -> None:
        """Begin the counts."""
        self.validation_tally.clear()

    def validation_step(self, batch: Batch, _: int) -> None:
        """Count what the answering ensemble gets right on images [B, C, H, W]."""
        images = batch.images
        logits = self.cache.answer(self.answering, images) if self.cache else self.answering(images)
        nll = torch.nn.functional.cross_entropy(logits.mean(0).float(), batch.targets)
        self.validation_tally.add(logits, batch.targets, [nll])

    def on_validation_epoch_end(self) -> None:
        """Keep the means; early stopping watches ``val_accuracy``."""
        means = self.validation_tally.means(self.validation_tally.summed(self.trainer.strategy))
        self.validation = {f"val_{name}": value for name, value in means.items()}
        self.log("val_accuracy", means["accuracy"], logger=False, sync_dist=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """One optimizer over all networks; the learning rate is set at every step."""
        scales = lr_scales(self.ensemble, self.experiment.fine_tuning)
        size, settings = self.experiment.divided_by, self.experiment.optimizer
        fused = is_fused(settings, self.experiment.hardware, self.device)
        return build_optimizer(self.ensemble, settings, size, scales, fused=fused)

    def configure_callbacks(self) -> Sequence[lightning.Callback]:
        """Those of the module, beside the Trainer's."""
        return self.callbacks

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what Lightning does not keep, and what other processes have."""
        self.spread.complete(checkpoint["optimizer_states"][0]["state"])
        checkpoint["cotrain"] = {
            "training_tally": self.training_tally.summed(self.trainer.strategy),
            "skipped": (self.guard.skipped, self.guard.skipped_in_a_row),
            "validation": self.validation,
            "next_batch": self.next_batch,
            "random_state": torch.get_rng_state(),
            "teacher": self.teacher and self.teacher.identity,
            "settings": record_settings(self.experiment),
            "threads": torch.get_num_threads(),
            "arithmetic": ARITHMETIC,
        }
        self.sharing.add_to(checkpoint)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up what ``on_save_checkpoint`` added."""
        self.sharing.take_up(checkpoint)
        state = checkpoint["cotrain"]
        check_teacher(state.get("teacher"), self.teacher and self.teacher.identity)
        saved = checkpoint["optimizer_states"][0]["param_groups"]
        take_up_groups(saved, self.configure_optimizers().param_groups, self.experiment)
        self.training_tally.load(state["training_tally"], first=self.global_rank == 0)
        self.guard.skipped, self.guard.skipped_in_a_row = state["skipped"]
        self.validation = state["validation"]
        self.next_batch = tuple(state["next_batch"])
        torch.set_rng_state(state["random_state"])
