"""A run's folder: what stands where, and what its metrics table holds."""

from dataclasses import dataclass, field
from pathlib import Path

from cotrain.basics.files import atomic_write


@dataclass(frozen=True)
class RunFolder:
    """The files of one run.

    Args:
        root: The folder that ``--output`` names.
    """

    root: Path

    @property
    def config(self) -> Path:
        """The resolved settings, written first."""
        return self.root / "config.yaml"

    @property
    def checkpoint(self) -> Path:
        """The newest training state; the one before stands beside it."""
        return self.root / "checkpoints" / "last.ckpt"

    @property
    def best(self) -> Path:
        """The ensemble of the best validation so far."""
        return self.root / "checkpoints" / "best"

    @property
    def ensemble(self) -> Path:
        """The ensemble that the run ships; written when training is done."""
        return self.root / "ensemble"

    @property
    def metrics(self) -> Path:
        """One row an epoch."""
        return self.root / "metrics.csv"

    @property
    def evaluation(self) -> Path:
        """The result on the test images; written last."""
        return self.root / "evaluation.json"

    @property
    def predictions(self) -> Path:
        """Logits and targets of the test images."""
        return self.root / "predictions.safetensors"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard's events."""
        return self.root / "tensorboard"


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
        """Add a row; its keys are the header."""
        if not self.lines:
            self.lines.append(",".join(row))
        self.lines.append(",".join(repr(value) for value in row.values()))
        self.write()

    def write(self) -> None:
        """Replace the file by the rows so far."""
        if self.lines:
            atomic_write(self.path, ("\n".join(self.lines) + "\n").encode())
