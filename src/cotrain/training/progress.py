"""What a user sees of a running training: a bar on a terminal, else one line an epoch."""

import sys
from time import monotonic
from typing import Any

import pytorch_lightning as lightning
from pytorch_lightning.callbacks import Callback, RichProgressBar

from cotrain.training.module import CoTraining
from cotrain.training.notices import print_line


def progress_callback() -> Callback:
    """A bar that moves, on a terminal."""
    return ProgressBar(refresh_rate=10) if sys.stdout.isatty() else ProgressLines()


class ProgressBar(RichProgressBar):
    """Lightning's bar with the loss and the accuracies, of the epoch so far and of validation.

    They are read once a second and at the epoch's end, as reading them waits for a GPU.
    """

    _shown: dict[str, Any] | None = None
    _read = 0.0

    def get_metrics(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> dict[str, Any]:
        """Replaces Lightning's, which would give every network a place of its own."""
        assert isinstance(pl_module, CoTraining)
        if self._shown is None or trainer.is_last_batch or monotonic() - self._read >= 1:
            tally = pl_module.training_tally
            self._shown = progress_metrics(tally.means(tally.sums), pl_module.validation)
            self._read = monotonic()
        return self._shown


class ProgressLines(Callback):
    """One line an epoch."""

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        if trainer.is_global_zero:
            assert isinstance(pl_module, CoTraining)
            metrics = progress_metrics(pl_module.training_means, pl_module.validation)
            values = ", ".join(f"{name} {value}" for name, value in metrics.items())
            print_line(f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}: {values}")


def progress_metrics(training: dict[str, float], validation: dict[str, float]) -> dict[str, str]:
    """The loss, and the ensemble's accuracy with every network's in brackets.

    Args:
        training: Means of the epoch, or of what is done of it.
        validation: Means of the last validation, if there was one.
    """
    metrics = {"loss": f"{training['loss']:.3f}", "train": _accuracies(training, "accuracy")}
    if validation:
        metrics["val"] = _accuracies(validation, "val_accuracy")
    return metrics


def _accuracies(means: dict[str, float], name: str) -> str:
    networks = [value for key, value in means.items() if key.startswith(f"{name}_")]
    return f"{means[name]:.1%} ({' '.join(f'{value:.1%}' for value in networks)})"
