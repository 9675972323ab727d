"""The images to test an ensemble on: those that its run held out, or others."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder, possible_runs
from cotrain.config import Data, Experiment
from cotrain.config.recipes import load_recipe
from cotrain.data import SplitRecord, Splits, load_splits, load_test, read_record
from cotrain.data.framing import refuse_other_shape
from cotrain.data.remembering import refuse_other_split
from cotrain.data.same_images import is_same
from cotrain.data.settings import has_any_size
from cotrain.data.split_record import splitting
from cotrain.ensemble.answering import Answering


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which images are asked for, and what the run knows of them.

    Args:
        data: The images.
        keep_files: Leave them on disk, as their run does, or as photos are.
        is_own: They are those of the run.
        record: What the run trained and tested on; None if it does not say.
        remembered: The same, where the images are these.
    """

    data: Data
    keep_files: bool
    is_own: bool
    record: SplitRecord | None
    remembered: SplitRecord | None


def images_to_test(path: Path, ensemble: Answering, data: Data | None = None) -> Splits:
    """The images to test on; no others are read.

    Those of a run are what it held out. Of another folder they are all that have a label, unless
    it has a ``test/``; a note in the summary says how many of them were trained on.

    Args:
        path: Where the ensemble is: a run, its ``ensemble/``, or an exported file in a run.
        ensemble: Who answers.
        data: Other images; those of the run if None.

    Raises:
        ConfigError: There is no run, or images are missing, have changed since they were held out,
            or are not as the ensemble takes them.
    """
    asked, shape = asked_for(path, ensemble, data), ensemble.spec.preprocessing
    if shape is None or (asked.is_own and asked.record is None):
        return _loaded(ensemble, asked)
    found = load_test(
        asked.data,
        keep_files=asked.keep_files,
        shape=shape,
        classes=ensemble.spec.classes,
        remembered=asked.remembered,
    )
    return with_note(found, asked)


def images_of_parts(path: Path, ensemble: Answering, data: Data | None = None) -> Splits:
    """All parts: what trained, selected and tested in the run, or the parts of other images.

    Args:
        path: Where the ensemble is, as for ``images_to_test``.
        ensemble: Who answers.
        data: Other images; those of the run if None.

    Raises:
        ConfigError: As ``images_to_test``.
    """
    asked = asked_for(path, ensemble, data)
    if asked.remembered is not None:
        refuse_other_split(asked.remembered, asked.data)
    return with_note(_loaded(ensemble, asked), asked, ("val", "test"))


def experiment_of(path: Path) -> Experiment | None:
    """The settings of a run, also when its ``ensemble/`` or an exported file in it is named.

    None where there is no run.
    """
    run = _run_at(path)
    return None if run is None else load_recipe(run.config)


def _run_at(path: Path) -> RunFolder | None:
    found = _folder_at(path)
    return found if found is not None and found.config.is_file() else None


def record_at(path: Path) -> SplitRecord | None:
    """Which images an ensemble trained on, and held out; None where no file says so."""
    found = _folder_at(path)
    return None if found is None else read_record(found.split)


def _folder_at(path: Path) -> RunFolder | None:
    """The run, or what remembers the split of the runs that an ensemble was assembled of."""
    runs = possible_runs(path)
    return next((run for run in runs if run.config.is_file() or run.split.is_file()), None)


def asked_for(path: Path, ensemble: Answering, data: Data | None) -> Asked:
    """Which images are asked for: those of the run, or others; see ``images_to_test``."""
    run, record = _run_at(path), record_at(path)
    shape = ensemble.spec.preprocessing
    as_photos = shape is not None and shape.margin > 1
    if data is None:
        if run is not None:
            experiment = load_recipe(run.config)
            data, as_photos = experiment.data, experiment.views.crop == "resized"
        elif record is not None:  # of an ensemble that was assembled of runs
            data = record.origin.data
        else:
            raise ConfigError(
                f"{path} does not say which images to take: give --data.dataset and --data.root"
            )
        return Asked(data=data, keep_files=as_photos, is_own=True, record=record, remembered=record)
    data = data.resolved()
    if shape is not None:
        refuse_other_shape(data, shape)
    same = record is not None and _is_same(record, data)
    return Asked(
        data=data,
        keep_files=as_photos,
        is_own=False,
        record=record,
        remembered=record if same else None,
    )


def _is_same(record: SplitRecord, data: Data) -> bool:
    """Whether the images are those of the run; in memory, whether they are split alike, too."""
    if has_any_size(data.dataset):
        return is_same(record, data)
    return is_same(record, data) and record.origin.settings == splitting(data)


def _loaded(ensemble: Answering, asked: Asked) -> Splits:
    return load_splits(
        asked.data,
        keep_files=asked.keep_files,
        shape=ensemble.spec.preprocessing,
        remembered=asked.remembered,
    )


def with_note(found: Splits, asked: Asked, parts: Collection[str] = ("test",)) -> Splits:
    """The images with a note on those of these parts that the run has trained on."""
    if asked.record is None or asked.remembered is not None:
        return found
    known = images_known_to(asked, found, "train", parts)
    if known == ():
        return found
    note = "whether these images were trained on is not known: data.scan was false"
    if known is not None:
        note = f"{len(known)} of these images were trained on: they say little about others"
    assert found.summary is not None
    summary = replace(found.summary, notes=(*found.summary.notes, note))
    return replace(found, summary=summary)


def images_known_to(
    asked: Asked, found: Splits, part: str, parts: Collection[str] = ("test",)
) -> tuple[str, ...] | None:
    """Names of the images, by content, that a part of the run holds; None if it is not known.

    Args:
        asked: What the run knows.
        found: Images.
        part: Of the run.
        parts: Those of the images that are looked at.
    """
    if asked.record is None or part not in asked.record.parts:
        return ()
    assert found.record is not None
    looked_at = [each for name, each in found.record.parts.items() if name in parts]
    return asked.record.parts[part].names_in(looked_at)
