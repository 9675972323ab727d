"""Calibrate the ensemble of a run, and store what was found with it."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Float, Int
from cotrain.config import Data
from cotrain.config.calibration import SetMethod
from cotrain.config.combining import Combine
from cotrain.config.limits import SHARE
from cotrain.ensemble.calibration import Calibration, CalibrationMethod
from cotrain.ensemble.combining import log_probabilities
from cotrain.ensemble.ensemble import load_shipped, shipped_folder
from cotrain.ensemble.folder import write_fitted
from cotrain.evaluation.calibration.fitting import CalibrationFit, fit_calibration
from cotrain.evaluation.calibration.images import ImagesToCalibrate, images_to_calibrate
from cotrain.evaluation.evaluate import collect_logits
from cotrain.evaluation.scores import Scores, check_classes
from cotrain.evaluation.uncertainty.conformal import fit_sets
from cotrain.evaluation.uncertainty.selection import fit_abstention, fit_signal
from cotrain.evaluation.uncertainty.signals import doubts_of


@dataclass(frozen=True, kw_only=True)
class CalibratedRun:
    """What ``calibrate`` found and stored.

    Args:
        path: The file that it wrote.
        calibration: What the ensemble answers with from now on.
        scores: Cross-validated, of every method; ``none`` is the answers without any.
        images: What it was fitted to.
        replaced: What stood there before, such as the weights of ``cotrain assemble``.
    """

    path: Path
    calibration: Calibration
    scores: dict[CalibrationMethod, Scores]
    images: ImagesToCalibrate
    replaced: Calibration | None

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON-able values."""
        return {
            "path": str(self.path),
            "method": self.calibration.method,
            "fitted_on": self.images.fitted_on,
            "selected_checkpoint": self.images.selected_checkpoint,
            "calibration": asdict(self.calibration),
            "replaced": self.replaced and asdict(self.replaced),
            "cross_validated": {name: asdict(each) for name, each in self.scores.items()},
        }


def calibrate(
    path: Path | str,
    data: Data | None = None,
    *,
    sets: SetMethod = "lac",
    coverage: float = 0.9,
    risk: float = 0.05,
    batch_size: int = 64,
    device: str = "cpu",
    workers: int = 0,
) -> CalibratedRun:
    """Fit a calibration on images that were not trained on, and store it with the ensemble.

    From then on ``Ensemble.load`` applies it, and so does all that answers. The test images are
    not read. Where no method is better than none, this is what is stored.

    Args:
        path: A run folder, or its ``ensemble/``.
        data: Other images, or where those of the run are now; if None those that the run kept to
            calibrate on, or else those that it validated with.
        sets: How the answer becomes a set of classes.
        coverage: How often the set is to hold the right class.
        risk: Share of wrong answers that is wanted where the ensemble is sure enough.
        batch_size: Images at once.
        device: Where to answer.
        workers: Processes that load images.

    Raises:
        ConfigError: There is no ensemble, or no images for it; see ``images_to_calibrate``.
        TrainingError: The folder cannot be written.
    """
    if batch_size < 1:
        raise ConfigError(f"batch_size={batch_size} is below 1: give at least 1")
    for name, share in (("coverage", coverage), ("risk", risk)):
        if not SHARE.holds(share):
            raise ConfigError(f"{name}={share} {SHARE.otherwise}")
    path = Path(path)
    ensemble = load_shipped(path).to(device)
    images = images_to_calibrate(path, ensemble, data)
    check_classes(ensemble, images.classes)
    logits, targets = collect_logits(
        ensemble, images.images, images.preprocessing, batch_size=batch_size, workers=workers
    )
    found = fit_with_rules(
        logits, targets, ensemble.spec.combine, sets=sets, coverage=coverage, risk=risk
    )
    calibration = replace(found.calibration, fitted_on=images.fitted_on)
    written = write_fitted(shipped_folder(path), calibration)
    return CalibratedRun(
        path=written,
        calibration=calibration,
        scores=found.scores,
        images=images,
        replaced=ensemble.spec.calibration,
    )


def fit_with_rules(
    logits: Float[Tensor, "S N C"],
    targets: Int[Tensor, " N"],
    combine: Combine,
    *,
    sets: SetMethod,
    coverage: float,
    risk: float,
) -> CalibrationFit:
    """Fit probabilities, and to these the sets of classes, where to abstain, and the best signal.

    Args:
        logits: Of images that were not trained on.
        targets: Their classes.
        combine: How the S answers become one.
        sets: As for ``calibrate``, as are the others.
        coverage: How often a set is to hold the right class.
        risk: Share of wrong answers that is wanted.

    Raises:
        ConfigError: Too few images.
    """
    found = fit_calibration(logits, targets, combine)
    p = log_probabilities(logits, combine, found.calibration).exp()
    doubts = doubts_of(logits, combine, found.calibration)
    calibration = replace(
        found.calibration,
        sets=fit_sets(p, targets, sets, coverage),
        abstention=fit_abstention(p, targets, risk),
        signal=fit_signal(doubts, p.argmax(-1) != targets),
    )
    return replace(found, calibration=calibration)
