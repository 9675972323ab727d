"""When a run saves the state to go on from, and stops if it is asked to."""

from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.plugins.io import CheckpointIO

from cotrain.basics.errors import Interrupted
from cotrain.training.callbacks import RunKeeper
from cotrain.training.checkpoint import check_can_be_read, newest_checkpoint, write_checkpoint
from cotrain.training.module import CoTraining
from cotrain.training.signals import Signals


class StateSaver(lightning.Callback):
    """Saves the state to resume from; it stands after the callbacks whose state that is.

    Args:
        keeper: Of the run; it learns whether a callback has stopped it.
        every: Optimizer steps between checkpoints within an epoch.
    """

    def __init__(self, keeper: RunKeeper, every: int) -> None:
        self.keeper = keeper
        self.every = every
        self.signals = Signals()

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        self.signals.catch()

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Save every so many steps, and when asked to stop; the last with its epoch."""
        stepped = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        if trainer.is_last_batch or not stepped:
            return
        stop = self.signals.received(trainer)
        if stop or trainer.global_step % self.every == 0:
            self._save(trainer, pl_module, (trainer.current_epoch, batch_idx + 1))
        self._stop(trainer, stop)

    def save_epoch(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Save the epoch; the last one is not stopped after, as nothing but the test remains."""
        self.keeper.stopped = trainer.should_stop
        self._save(trainer, module, (trainer.current_epoch + 1, 0))
        if trainer.current_epoch + 1 < (trainer.max_epochs or 0) and not trainer.should_stop:
            self._stop(trainer, self.signals.received(trainer))

    def _save(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, next_batch: tuple
    ) -> None:
        """Save the state to resume from; never one whose weights are not finite."""
        assert isinstance(module, CoTraining)
        _end_writing(trainer)
        module.check_finite()
        module.next_batch = next_batch
        trainer.save_checkpoint(self.keeper.folder.checkpoint)

    def _stop(self, trainer: lightning.Trainer, signal_number: int) -> None:
        if signal_number:
            _end_writing(trainer)
            raise Interrupted(
                f"interrupted after step {trainer.global_step}, which is saved: "
                f"go on with cotrain train --resume {self.keeper.folder.root}",
                signal_number,
            )

    def on_train_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        self.signals.release()

    def on_exception(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        exception: BaseException,
    ) -> None:
        self.signals.release()


class EpochSaver(Checkpoint):
    """Saves every epoch: as a checkpoint of Lightning's it is called last, after early stopping.

    Args:
        saver: Which does so.
    """

    def __init__(self, saver: StateSaver) -> None:
        self.saver = saver

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        self.saver.save_epoch(trainer, pl_module)


def _end_writing(trainer: lightning.Trainer) -> None:
    """Wait for the checkpoint that is being written; raise what has gone wrong with it."""
    trainer.strategy.checkpoint_io.teardown()


class VerifiedCheckpoints(CheckpointIO):
    """Lightning's door to our checkpoint files: written whole, verified, never unpickled."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        check_can_be_read(checkpoint)
        write_checkpoint(checkpoint, Path(path))

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: Any = None
    ) -> dict[str, Any]:
        state = newest_checkpoint(Path(path))[0]
        assert state is not None
        return state

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink()
