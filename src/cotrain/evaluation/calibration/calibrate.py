"""Calibrate the ensemble of a run, and store what was found with it."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.config.calibration import SetMethod
from cotrain.config.limits import SHARE
from cotrain.ensemble.calibration import Calibration, CalibrationMethod
from cotrain.ensemble.combining import log_probabilities
from cotrain.ensemble.ensemble import load_shipped, shipped_folder
from cotrain.ensemble.folder import write_calibration
from cotrain.evaluation.calibration.fitting import fit_calibration
from cotrain.evaluation.evaluate import collect_logits
from cotrain.evaluation.images import images_to_calibrate
from cotrain.evaluation.scores import Scores, check_classes
from cotrain.evaluation.uncertainty.conformal import fit_sets
from cotrain.evaluation.uncertainty.selection import fit_abstention


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
    path: Path | str,
    *,
    sets: SetMethod = "lac",
    coverage: float = 0.9,
    risk: float = 0.05,
    batch_size: int = 64,
    device: str = "cpu",
    workers: int = 0,
) -> CalibratedRun:
    """Fit a calibration on the run's validation images, and store it with the ensemble.

    From then on ``Ensemble.load`` applies it, and so does all that answers. The test images are
    not read. Where no method is better than none, this is what is stored.

    Args:
        path: A run folder, or its ``ensemble/``.
        sets: How the answer becomes a set of classes.
        coverage: How often the set is to hold the right class.
        risk: Share of wrong answers that is wanted where the ensemble is sure enough.
        batch_size: Images at once.
        device: Where to answer.
        workers: Processes that load images.

    Raises:
        ConfigError: There is no ensemble, or no validation images beside the test's.
        TrainingError: The folder cannot be written.
    """
    if batch_size < 1:
        raise ConfigError(f"batch_size={batch_size} is below 1: give at least 1")
    for name, share in (("coverage", coverage), ("risk", risk)):
        if not SHARE.holds(share):
            raise ConfigError(f"{name}={share} {SHARE.otherwise}")
    path = Path(path)
    ensemble = load_shipped(path).to(device)
    splits = images_to_calibrate(path, ensemble)
    check_classes(ensemble, splits.classes)
    assert splits.val is not None
    logits, targets = collect_logits(
        ensemble, splits.val, splits.preprocessing, batch_size=batch_size, workers=workers
    )
    found = fit_calibration(logits, targets, ensemble.spec.combine)
    log_p = log_probabilities(logits, ensemble.spec.combine, found.calibration)
    calibration = replace(
        found.calibration,
        sets=fit_sets(log_p.exp(), targets, sets, coverage),
        abstention=fit_abstention(log_p.exp(), targets, risk),
    )
    written = write_calibration(shipped_folder(path), calibration)
    return CalibratedRun(path=written, calibration=calibration, scores=found.scores)
