"""Calibrations of all runs of a comparison, fitted on images that they are not tested on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.ensemble import Ensemble
from cotrain.evaluation.calibration.fitting import fit_calibration
from cotrain.evaluation.calibration.images import images_to_calibrate
from cotrain.evaluation.evaluate import collect_logits


@dataclass(frozen=True, kw_only=True)
class Calibrations:
    """What all runs of a comparison are calibrated by, each with its own.

    Args:
        of: Of every candidate's runs; empty where there are no images for it.
        images: How many images they were fitted on.
        problem: Why there are none.
    """

    of: Mapping[str, Sequence[Calibration]] = field(default_factory=dict)
    images: int = 0
    problem: str = ""


def fit_calibrations(
    folders: Mapping[str, Sequence[RunFolder]], *, batch_size: int, device: str
) -> Calibrations:
    """Fit one for every run, all on the same images; nothing is written.

    Where one cannot be fitted, none is: calibrated answers are compared with calibrated ones.

    Args:
        folders: Of every candidate's runs, which share one split.
        batch_size: Images at once.
        device: Where to answer.
    """
    first = next(iter(folders.values()))[0]
    try:
        kept = images_to_calibrate(first.root, Ensemble.load(first.ensemble))
        images, otherwise = kept.images, kept.preprocessing
        found: dict[str, list[Calibration]] = {name: [] for name in folders}
        for name, each in folders.items():
            for folder in each:
                ensemble = Ensemble.load(folder.ensemble).to(device)
                answers = collect_logits(ensemble, images, otherwise, batch_size=batch_size)
                found[name].append(fit_calibration(*answers).calibration)
    except ConfigError as problem:
        return Calibrations(problem=str(problem))
    return Calibrations(of=found, images=len(images))
