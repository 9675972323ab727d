"""Whether training waits for its images, told once, with what to change."""

from time import monotonic
from typing import Any

import pytorch_lightning as lightning
import torch

from cotrain.basics.machine import usable_cores
from cotrain.training.notices import say

_WARM = 10  # seconds of training before anything is measured
_STEPS, _SECONDS = 20, 20  # measured: so many steps, or as many as fit, but two
_STARVED = 0.5  # of the time


class StarvingNotice(lightning.Callback):
    """Measures a few steps, and says so once if more than half of the time no image is there.

    Args:
        workers: Processes that load images.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.begun: float | None = None
        self.ended: float | None = None
        self.waited: list[float] = []
        self.stepped: list[float] = []
        self.is_done = False

    def on_train_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """What lies between epochs is no waiting for a batch."""
        self.ended = None

    def on_train_batch_start(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        batch: Any,
        batch_idx: int,
    ) -> None:
        now = monotonic()
        if self.begun is None:
            self.begun = now
        if self.ended is not None:
            self.waited.append(now - self.ended)
            self.ended = now

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        assert self.begun is not None
        if self.is_done or monotonic() - self.begun < _WARM:
            return
        if pl_module.device.type == "cuda":
            torch.cuda.synchronize(pl_module.device)  # or waiting for it would look like loading
        now = monotonic()
        if self.ended is not None:
            self.stepped.append(now - self.ended)
            self._look(len(batch.targets), trainer)
        self.ended = now

    def _look(self, images: int, trainer: lightning.Trainer) -> None:
        steps, waited, stepped = len(self.stepped), sum(self.waited), sum(self.stepped)
        if steps < _STEPS and not (steps > 1 and waited + stepped > _SECONDS):
            return
        self.is_done = True
        if trainer.is_global_zero and waited > _STARVED * (waited + stepped):
            say(
                advice(
                    waited / steps,
                    stepped / steps,
                    images=images,
                    workers=self.workers,
                    cores=usable_cores() // max(trainer.world_size, 1),
                )
            )


def advice(waited: float, stepped: float, *, images: int, workers: int, cores: int) -> str:
    """What is said to a user whose training waits for images.

    Args:
        waited: Seconds that a step waits for its batch.
        stepped: Seconds that the step takes then.
        images: Images of a batch.
        workers: Processes that load now; 0 is the training process itself, while it waits.
        cores: Cores of the machine for each process that trains.
    """
    # One process loads a batch in `waited`; several load as many batches in the time of a step.
    needed = waited / stepped if workers == 0 else workers * (waited + stepped) / stepped
    most = max(cores, 1)
    proposed = min(-int(-needed // 1), most)
    rate = images / (waited if workers == 0 else waited + stepped)
    line = (
        f"training waits {waited / (waited + stepped):.0%} of its time for images, of which "
        f"{rate:,.0f} are loaded a second and {images / stepped:,.0f} could be trained on: "
    )
    if proposed > workers:
        line += f"try --data.workers {proposed}"
        return line if needed <= most else line + f", one a core ({needed:.0f} would be needed)"
    return line + "all cores load: make the files smaller, or choose cheaper views.policy"
