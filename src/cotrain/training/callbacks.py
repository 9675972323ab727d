"""What happens beside the training steps: checkpoints, the best ensemble, metrics, signals."""

import signal
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as lightning
import torch
from pytorch_lightning.plugins.io import CheckpointIO

from cotrain.checkpoint import save_ensemble, write_checkpoint
from cotrain.errors import Interrupted
from cotrain.run_folder import MetricsTable, RunFolder
from cotrain.training.module import CoTraining, NotFiniteError


class RunKeeper(lightning.Callback):
    """Writes the run folder: ``metrics.csv``, the best ensemble, and checkpoints to resume from.

    The order at an epoch's end is fixed: metrics, best, checkpoint. A run killed between them
    repeats the epoch from the checkpoint before, and writes the same again.

    Args:
        folder: Where.
        every: Optimizer steps between checkpoints within an epoch.
    """

    def __init__(self, folder: RunFolder, every: int) -> None:
        self.folder = folder
        self.every = every
        self.metrics = MetricsTable(folder.metrics)
        self.best: tuple[float, float] | None = None
        self.signals = Signals()

    def on_train_start(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        self.signals.catch()
        if trainer.is_global_zero:
            self.metrics.write()

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        _outputs: Any,
        _batch: Any,
        batch: int,
    ) -> None:
        """Save every so many steps, and when asked to stop; an epoch's last step is saved with it."""
        assert isinstance(module, CoTraining)
        stepped = (batch + 1) % trainer.accumulate_grad_batches == 0
        if trainer.is_last_batch or not stepped:
            return
        stop = self.signals.received(trainer)
        if stop or trainer.global_step % self.every == 0:
            module.next_batch = (trainer.current_epoch, batch + 1)
            self._save(trainer, module)
        self._stop(trainer, stop)

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule
    ) -> None:
        assert isinstance(module, CoTraining)
        row = module.epoch_row()
        if trainer.is_global_zero:
            self.metrics.append(row)
            self._keep_best(module)
        module.next_batch = (trainer.current_epoch + 1, 0)
        self._save(trainer, module)
        if trainer.current_epoch + 1 < (trainer.max_epochs or 0):
            self._stop(trainer, self.signals.received(trainer))

    def _keep_best(self, module: CoTraining) -> None:
        """Save the ensemble if its validation is the best so far; NLL decides between equals."""
        if not module.validation:
            return
        score = (module.validation["val_accuracy"], -module.validation["val_nll"])
        if self.best is None or score > self.best:
            self.best = score
            save_ensemble(module.answering, self.folder.best)

    def _save(self, trainer: lightning.Trainer, module: CoTraining) -> None:
        """Save the state to resume from; never one whose weights are not finite."""
        if not all(torch.isfinite(p).all() for p in module.parameters()):
            raise NotFiniteError(f"the weights after step {trainer.global_step} are not finite")
        trainer.save_checkpoint(self.folder.checkpoint)

    def _stop(self, trainer: lightning.Trainer, signal_number: int) -> None:
        if signal_number:
            raise Interrupted(
                f"interrupted after step {trainer.global_step}, which is saved: "
                f"go on with cotrain train --resume {self.folder.root}",
                signal_number,
            )

    def on_train_end(self, *_: Any) -> None:
        self.signals.release()

    def on_exception(self, *_: Any) -> None:
        self.signals.release()

    def state_dict(self) -> dict[str, Any]:
        return {"metrics": self.metrics.lines, "best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.metrics.lines = list(state_dict["metrics"])
        self.best = state_dict["best"]


class Signals:
    """Ctrl-C and SIGTERM are noted and obeyed after the step; a second one stops at once."""

    def __init__(self) -> None:
        self.number = 0
        self._before: dict[int, Any] = {}

    def catch(self) -> None:
        """Begin to note signals."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._note)

    def release(self) -> None:
        """Give the signals back to whoever had them."""
        while self._before:
            signal.signal(*self._before.popitem())

    def _note(self, number: int, _: FrameType | None) -> None:
        self.number = number
        self.release()

    def received(self, trainer: lightning.Trainer) -> int:
        """The signal that any of the processes received, or 0."""
        if trainer.world_size == 1:
            return self.number
        number = torch.tensor(self.number, device=trainer.strategy.root_device)
        return int(trainer.strategy.reduce(number, reduce_op="max"))  # type: ignore[arg-type]


class VerifiedCheckpoints(CheckpointIO):
    """Lightning's door to our checkpoint files: written whole, verified, never unpickled.

    Args:
        resumed: The state that training goes on from, already read.
    """

    def __init__(self, resumed: dict[str, Any] | None) -> None:
        self.resumed = resumed

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        write_checkpoint(checkpoint, Path(path))

    def load_checkpoint(self, path: Any, **_: Any) -> dict[str, Any]:
        assert self.resumed is not None
        return self.resumed

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink()
