"""A run's folder: what stands where, and what its metrics table holds."""

from dataclasses import dataclass
from pathlib import Path


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

    def remove_leftovers(self) -> None:
        """Remove the files that a killed process was still writing."""
        for folder in (self.root, self.checkpoint.parent, self.best, self.ensemble):
            for path in folder.glob("*.tmp"):
                path.unlink()
