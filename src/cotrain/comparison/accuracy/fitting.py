"""Calibrations and cascades of a comparison's runs, fitted on images they are not tested on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.cascade import Cascade
from cotrain.ensemble.peers.peer import Peer, load_any
from cotrain.evaluation.calibration.fitting import fit_calibration
from cotrain.evaluation.calibration.images import ImagesToCalibrate, images_to_calibrate
from cotrain.evaluation.cascade.fitting import fit_cascade
from cotrain.evaluation.evaluate import collect_logits


@dataclass(frozen=True, kw_only=True)
class RunFit:
    """What was fitted for one run.

    Args:
        calibration: Of its answers.
        cascade: With the full ensemble's accuracy within 0.1 points; None of one network, which a
            peer is too.
    """

    calibration: Calibration
    cascade: Cascade | None


@dataclass(frozen=True, kw_only=True)
class Fits:
    """What was fitted for all runs of a comparison, each its own.

    Args:
        of: Of every candidate's runs; empty where there are no images for it.
        images: How many images it was fitted on.
        problem: Why nothing was.
    """

    of: Mapping[str, Sequence[RunFit]] = field(default_factory=dict)
    images: int = 0
    problem: str = ""


def fit_runs(folders: Mapping[str, Sequence[RunFolder]], *, batch_size: int, device: str) -> Fits:
    """Fit for every run, all on the same images; nothing is written.

    Where it cannot be done for one it is for none: calibrated answers are compared with such.

    Args:
        folders: Of every candidate's runs, which share one split.
        batch_size: Images at once.
        device: Where to answer.
    """
    first = next(iter(folders.values()))[0]
    try:
        kept = images_to_calibrate(first.root, load_any(first.ensemble))
        found = {
            name: [_fitted(folder, kept, batch_size, device) for folder in each]
            for name, each in folders.items()
        }
    except ConfigError as problem:
        return Fits(problem=str(problem))
    return Fits(of=found, images=len(kept.images))


def _fitted(folder: RunFolder, kept: ImagesToCalibrate, batch_size: int, device: str) -> RunFit:
    ensemble = load_any(folder.ensemble).to(device)
    images, otherwise = kept.images, kept.preprocessing
    logits, targets = collect_logits(ensemble, images, otherwise, batch_size=batch_size)
    calibration = fit_calibration(logits, targets).calibration
    cascade = None
    if len(logits) > 1 and not isinstance(ensemble, Peer):
        macs = [each.macs for each in ensemble.spec.costs()]
        cascade = fit_cascade(logits, targets, calibration=calibration, macs=macs).cascade
    return RunFit(calibration=calibration, cascade=cascade)
