"""Fit the cascade of a run's ensemble, store it, and test it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.config import Data
from cotrain.config.cascade import CascadeSignal
from cotrain.ensemble.ensemble import Ensemble, load_shipped, shipped_folder
from cotrain.ensemble.folder import write_fitted
from cotrain.ensemble.spec import EnsembleSpec
from cotrain.evaluation.calibration.images import ImagesToCalibrate, images_to_calibrate
from cotrain.evaluation.cascade.fitting import CascadeFit, fit_cascade
from cotrain.evaluation.evaluate import EvaluatedAnswers, collect_logits, evaluate_ensemble
from cotrain.evaluation.images import experiment_of, images_to_test
from cotrain.evaluation.scores import check_classes


@dataclass(frozen=True, kw_only=True)
class CascadedRun:
    """What ``cascade_of_run`` found and stored.

    Args:
        path: The file that it wrote.
        fit: What was fitted, and how good it is on the images that it was fitted to.
        tested: How good it is on the test images; None where the run has none.
        images: What it was fitted to.
        spec: The ensemble, with the cascade.
    """

    path: Path
    fit: CascadeFit
    tested: EvaluatedAnswers | None
    images: ImagesToCalibrate
    spec: EnsembleSpec

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON-able values."""
        tested = None if self.tested is None else self.tested.to_dict()
        return {
            "path": str(self.path),
            "fitted_on": self.images.fitted_on,
            "selected_checkpoint": self.images.selected_checkpoint,
            "fit": self.fit.to_dict(),
            "tested": tested,
        }


def cascade_of_run(
    path: Path | str,
    data: Data | None = None,
    *,
    tolerance: float | None = None,
    budget: float | None = None,
    signal: CascadeSignal | None = None,
    batch_size: int = 64,
    device: str = "cpu",
    workers: int = 0,
) -> CascadedRun:
    """Fit a cascade on images that were not trained on, store it with the ensemble, and test it.

    It is used where it is asked for: by ``answer_in_stages``, and by ``cascade=True``.

    Args:
        path: A run folder, or its ``ensemble/``.
        data: Other images, or where those of the run are now; if None those that the run kept to
            calibrate on, or else those that it validated with.
        tolerance: Points of accuracy that may be lost for the least work; 0.1 if neither this nor
            a budget is given.
        budget: Share of the MACs that may be taken, for the best accuracy.
        signal: What tells how sure an answer is; the best if None.
        batch_size: Images at once.
        device: Where to answer.
        workers: Processes that load images.

    Raises:
        ConfigError: There is no ensemble, or of one network; no images for it; or wishes that
            cannot be met.
        TrainingError: The folder cannot be written.
    """
    if batch_size < 1:
        raise ConfigError(f"batch_size={batch_size} is below 1: give at least 1")
    path = Path(path)
    ensemble = load_shipped(path).to(device)
    loading: dict[str, Any] = {"batch_size": batch_size, "workers": workers}
    images = images_to_calibrate(path, ensemble, data)
    check_classes(ensemble, images.classes)
    logits, targets = collect_logits(ensemble, images.images, images.preprocessing, **loading)
    wishes: dict[str, Any] = {"tolerance": tolerance, "budget": budget, "signal": signal}
    spec = ensemble.spec
    macs = [each.macs for each in spec.costs()]
    found = fit_cascade(logits, targets, spec.combine, spec.calibration, macs=macs, **wishes)
    ensemble.spec = replace(spec, cascade=found.cascade)
    tested = _tested(path, ensemble, loading)
    written = write_fitted(shipped_folder(path), found.cascade)
    return CascadedRun(path=written, fit=found, tested=tested, images=images, spec=ensemble.spec)


def _tested(path: Path, ensemble: Ensemble, loading: dict[str, Any]) -> EvaluatedAnswers | None:
    """On the test images of the run, if it has some."""
    if experiment_of(path) is None:
        return None
    images = images_to_test(path, ensemble)
    if images.test is None:
        return None
    return evaluate_ensemble(ensemble, images, cascade=True, **loading)
