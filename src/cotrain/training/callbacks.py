"""What a run writes beside the training steps: its settings, metrics and best ensemble."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning

from cotrain.basics.files import atomic_write
from cotrain.basics.run_folder import RunFolder
from cotrain.config.recipes import dump_experiment
from cotrain.training.clear_errors import watch_ourselves
from cotrain.training.curve_names import grouped
from cotrain.training.datamodule import Loaders
from cotrain.training.exchange import Exchange
from cotrain.training.first_views import first_views
from cotrain.training.loggers import log_views
from cotrain.training.module import CoTraining
from cotrain.training.shipping import shippable

_SHOWN = 8  # images whose views are logged


class RunKeeper(lightning.Callback):
    """Writes the run folder: settings, ``metrics.csv``, the best ensemble.

    The order at an epoch's end is fixed: metrics, best, other callbacks, checkpoint. A run killed
    between them repeats the epoch from the checkpoint before, and writes the same again.

    Args:
        folder: Where.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.metrics = MetricsTable(folder.metrics)
        self.best: tuple[float, float] | None = None
        self.stopped = False

    def on_fit_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """A run that a callback stopped, and that is resumed, stays ended."""
        trainer.should_stop = self.stopped

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Everything is checked by now: the folder becomes that of this run."""
        assert isinstance(pl_module, CoTraining)
        watch_ourselves(trainer)
        if trainer.is_global_zero:
            loaders = trainer.datamodule  # type: ignore[attr-defined]
            assert isinstance(loaders, Loaders)
            if not (self.folder.config.exists() and self.folder.split.exists()):
                # Once: what is told when a run goes on speaks of what it remembers.
                loaders.splits.write(self.folder)
            if trainer.global_step == 0:
                log_views(trainer, first_views(pl_module.experiment, loaders.splits, _SHOWN))
            if not self.folder.config.exists():
                atomic_write(self.folder.config, dump_experiment(pl_module.experiment).encode())
            self.metrics.write()

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        assert isinstance(pl_module, CoTraining)
        pl_module.end_epoch()
        row = _row(pl_module)
        for logger in trainer.loggers:
            logger.log_metrics(grouped(row), trainer.global_step)
        if trainer.is_global_zero:
            self.metrics.append(row)
            self._keep_best(pl_module)

    def _keep_best(self, module: CoTraining) -> None:
        """Save the ensemble if its validation is the best so far; NLL decides between equals.

        Networks that are trained one at a time make no ensemble before the last is trained:
        nothing is selected then.
        """
        if not module.validation or not module.experiment.co_training.together:
            return
        score = (module.validation["val_accuracy"], -module.validation["val_nll"])
        if self.best is None or score > self.best:
            self.best = score
            shippable(module).save(self.folder.best)

    def state_dict(self) -> dict[str, Any]:
        return {"metrics": list(self.metrics.lines), "best": self.best, "stopped": self.stopped}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.metrics.lines = list(state_dict["metrics"])
        # Where the user goes on without the best ensemble, it was removed.
        self.best = state_dict["best"] if self.folder.best.is_dir() else None
        self.stopped = state_dict["stopped"]


def _row(module: CoTraining) -> dict[str, float]:
    """What ``metrics.csv`` says of the epoch that ends."""
    epoch, step = module.current_epoch, module.global_step
    return {
        "epoch": epoch,
        "step": step,
        **{f"train_{name}": value for name, value in module.training_means.items()},
        "learning_rate": module.timetable.learning_rate(step - 1),
        "co_training_weight": module.timetable.weight(epoch),
        "skipped_steps": module.guard.skipped,
        **(module.loss.row() if isinstance(module.loss, Exchange) else {}),
        **module.validation,
    }


@dataclass
class MetricsTable:
    """``metrics.csv``: kept in the checkpoint and written whole, so a resumed run repeats no row.

    Args:
        path: The file.
        lines: Header and rows.
    """

    path: Path
    lines: list[str] = field(default_factory=list)

    def append(self, row: dict[str, float]) -> None:
        """Add a row; its keys are the header.

        What the rows of an earlier version do not have stands last, and is NaN in them.
        """
        header = self.lines[0].split(",") if self.lines else []
        more = [name for name in row if name not in header]
        if more:
            header += more
            earlier = (line + ",nan" * len(more) for line in self.lines[1:])
            self.lines = [",".join(header), *earlier]
        self.lines.append(",".join(repr(row[name]) for name in header))
        self.write()

    def write(self) -> None:
        """Replace the file by the rows so far."""
        if self.lines:
            atomic_write(self.path, ("\n".join(self.lines) + "\n").encode())
