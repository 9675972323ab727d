"""Calibrate the ensemble of a run, and store what was found with it."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.ensemble.calibration import Calibration, CalibrationMethod
from cotrain.ensemble.ensemble import load_shipped, shipped_folder
from cotrain.ensemble.folder import write_calibration
from cotrain.evaluation.calibration.fitting import fit_calibration
from cotrain.evaluation.evaluate import collect_logits
from cotrain.evaluation.images import images_to_calibrate
from cotrain.evaluation.scores import Scores, check_classes


@dataclass(frozen=True, kw_only=True)
class CalibratedRun:
    """What ``calibrate`` found and stored.

    Args:
        path: The file that it wrote.
        calibration: What the ensemble answers with from now on.
        scores: Cross-validated, of every method; ``none`` is what the answers were before.
    """

    path: Path
    calibration: Calibration
    scores: dict[CalibrationMethod, Scores]

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON-able values."""
        return {
            "path": str(self.path),
            "method": self.calibration.method,
            "calibration": asdict(self.calibration),
            "cross_validated": {name: asdict(each) for name, each in self.scores.items()},
        }


def calibrate(
    path: Path | str, *, batch_size: int = 64, device: str = "cpu", workers: int = 0
) -> CalibratedRun:
    """Fit a calibration on the run's validation images, and store it with the ensemble.

    From then on ``Ensemble.load`` applies it, and so does all that answers. The test images are
    not read. Where no method is better than none, this is what is stored.

    Args:
        path: A run folder, or its ``ensemble/``.
        batch_size: Images at once.
        device: Where to answer.
        workers: Processes that load images.

    Raises:
        ConfigError: There is no ensemble, or no validation images beside the test's.
        TrainingError: The folder cannot be written.
    """
    if batch_size < 1:
        raise ConfigError(f"batch_size={batch_size} is below 1: give at least 1")
    path = Path(path)
    ensemble = load_shipped(path).to(device)
    splits = images_to_calibrate(path, ensemble)
    check_classes(ensemble, splits.classes)
    assert splits.val is not None
    logits, targets = collect_logits(
        ensemble, splits.val, splits.preprocessing, batch_size=batch_size, workers=workers
    )
    found = fit_calibration(logits, targets, ensemble.spec.combine)
    written = write_calibration(shipped_folder(path), found.calibration)
    return CalibratedRun(path=written, calibration=found.calibration, scores=found.scores)
