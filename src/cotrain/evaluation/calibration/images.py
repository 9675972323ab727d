"""The images that calibration is fitted to: those that the run kept for it, or others."""

from dataclasses import dataclass
from pathlib import Path

from cotrain.basics.errors import ConfigError
from cotrain.config import Data
from cotrain.config.calibration import FittedOn
from cotrain.data import Images, Splits, load_part, load_test
from cotrain.data.summary import DataSummary
from cotrain.ensemble.answering import Answering, known_preprocessing
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.evaluation.images import Asked, asked_for, experiment_of, images_known_to, with_note


@dataclass(frozen=True, kw_only=True, eq=False)
class ImagesToCalibrate:
    """Images that what is stored with an ensemble is fitted to.

    Args:
        images: The images.
        classes: Names of their classes.
        preprocessing: What an image goes through.
        fitted_on: Which they are.
        selected_checkpoint: Some of them chose the checkpoint, to which they look too easy.
        summary: What the user should know of them.
    """

    images: Images
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    fitted_on: FittedOn
    selected_checkpoint: bool
    summary: DataSummary


def images_to_calibrate(
    path: Path, ensemble: Answering, data: Data | None = None
) -> ImagesToCalibrate:
    """The images that what is stored with an ensemble is fitted to; no others are read.

    Of a run those that it kept for this, or else those that it selected its checkpoint with. Of
    another folder all that have a label, unless it has a ``test/``.

    Args:
        path: A run, or its ``ensemble/``.
        ensemble: Who answers.
        data: Other images, or where those of the run are now; those of the run if None.

    Raises:
        ConfigError: There is no run, it remembers no such images, they are missing or changed, or
            some of the others are known to have been trained or tested on.
    """
    asked = asked_for(path, ensemble, data)
    if asked.remembered is not None:
        return _kept(path, ensemble, asked)
    if asked.is_own:
        raise ConfigError(
            f"{path} does not say which images it validated with: give a run folder with "
            "config.yaml and split.jsonl, or other images by --data.root"
        )
    found = load_test(
        asked.data,
        keep_files=asked.keep_files,
        shape=known_preprocessing(ensemble.spec),
        classes=ensemble.spec.classes,
    )
    _refuse_known(found, asked)
    chose = bool(images_known_to(asked, found, "val"))
    return _record(with_note(found, asked), "other", selected_checkpoint=chose)


def _kept(path: Path, ensemble: Answering, asked: Asked) -> ImagesToCalibrate:
    """The images that the run kept to calibrate on, or else those that it selected with."""
    record = asked.remembered
    assert record is not None
    keeps = "calibration" in record.parts
    if not keeps and ("val" not in record.parts or record.origin.tested_on == "val"):
        raise ConfigError(
            "the run has no calibration images, and no validation images beside those that it "
            "tests on: train with --data.calibration 0.1, or give other images by --data.root"
        )
    found = load_part(
        asked.data,
        "calibration" if keeps else "val",
        keep_files=asked.keep_files,
        shape=known_preprocessing(ensemble.spec),
        remembered=record,
    )
    run = experiment_of(path)
    # Of an ensemble that was assembled there is no run, and its runs have selected with them.
    selects = not keeps and (run is None or run.co_training.together)
    fitted_on = "calibration" if keeps else "validation"
    return _record(found, fitted_on, selected_checkpoint=selects)


def _record(found: Splits, fitted_on: FittedOn, *, selected_checkpoint: bool) -> ImagesToCalibrate:
    images = {"calibration": found.calibration, "validation": found.val, "other": found.test}
    chosen = images[fitted_on]
    assert chosen is not None
    assert found.summary is not None
    return ImagesToCalibrate(
        images=chosen,
        classes=found.classes,
        preprocessing=found.preprocessing,
        fitted_on=fitted_on,
        selected_checkpoint=selected_checkpoint,
        summary=found.summary,
    )


def _refuse_known(found: Splits, asked: Asked) -> None:
    """Raise ConfigError for images that the run has trained on, or is tested on."""
    for part, what in (("train", "trained on"), ("test", "is tested on")):
        known = images_known_to(asked, found, part)
        if known:
            raise ConfigError(
                f"data.root={asked.data.root!r}: {len(known)} of its images ({known[0]}) are such "
                f"as the run {what}: take them out, or give other images"
            )
