"""The ensemble's answer to image files: label, probability, and how far the networks agree.

A file that cannot be decoded, or that a network answers with NaN, gives a row with its ``error``
and stops nothing; the command fails only when no file got an answer.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Float
from cotrain.config.combining import Combine
from cotrain.data import UnreadableImageError
from cotrain.data.folders import image_files
from cotrain.data.images import read_batches
from cotrain.data.walking import Walk
from cotrain.ensemble.answering import (
    Answering,
    known_preprocessing,
    logits_of,
    staged_answers_of,
)
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.cascade import Cascade, known_cascade
from cotrain.ensemble.combining import outputs_of
from cotrain.ensemble.prediction import LabelProbability, Prediction
from cotrain.evaluation.uncertainty.rules import rules_of


def find_images(paths: Path | str | Iterable[Path | str]) -> Walk:
    """The files, and every image file below the folders: in the order given, of each folder sorted.

    Raises:
        ConfigError: No such file or folder, or a folder without images.
    """
    given = [paths] if isinstance(paths, Path | str) else paths
    walks = [_images_at(Path(path)) for path in given]
    return Walk(
        files=[file for each in walks for file in each.files],
        left_out=sum((each.left_out for each in walks), Counter()),
    )


def _images_at(path: Path) -> Walk:
    if path.is_file():
        return Walk(files=[str(path)])
    if path.is_dir():
        return image_files(path)
    raise ConfigError(f"{path} is neither a file nor a folder: give an image or a folder of images")


class _Wanted(NamedTuple):
    """What a row holds, and how it is made; see ``predict_files``."""

    labels: Sequence[str]
    combine: Combine
    calibration: Calibration | None
    top: int | None
    probabilities: bool
    cascade: Cascade | None


def predict_files(
    ensemble: Answering,
    files: Sequence[str | BytesIO],
    batch_size: int = 64,
    combine: Combine | None = None,
    *,
    calibrated: bool = True,
    top: int | None = None,
    probabilities: bool = False,
    cascade: bool = False,
) -> Iterator[Prediction]:
    """One row for every file, in order; they are decoded a batch at a time, one ahead.

    Args:
        ensemble: An ensemble, an execution of one, or an exported file.
        files: Image files by their paths, or in memory, and then without a path in their rows.
        batch_size: How many images are decoded and answered together.
        combine: How the answers become one; the ensemble's own way if None.
        calibrated: Use the ensemble's calibration, if it has one.
        top: How many of the most probable classes each row names besides; none if None.
        probabilities: Give the probability of every class besides.
        cascade: Ask only as many networks about each image as the ensemble's cascade does. Sets of
            classes and where to abstain, which hold for the full ensemble, are then left out.

    Raises:
        ConfigError: The ensemble does not say how images are preprocessed, has not so many
            classes, or two of one name, is calibrated for another way of combining, or has no
            cascade.
    """
    if batch_size < 1:
        raise ConfigError(f"batch_size={batch_size} is below 1: give at least 1")
    spec, preprocessing = ensemble.spec, known_preprocessing(ensemble.spec)
    labels = spec.classes or tuple(map(str, range(spec.num_classes)))
    calibration = spec.calibration if calibrated else None
    combine, rule = combine or spec.combine, None
    if cascade:
        rule = known_cascade(spec.cascade)
        rule.check_fits(spec.into, combine)
    wanted = _Wanted(labels, combine, calibration, top, probabilities, rule)
    _check(wanted)
    paths = [file if isinstance(file, str) else "" for file in files]
    for number, batch in enumerate(read_batches(files, preprocessing, batch_size)):
        start = number * batch_size
        yield from _batch(ensemble, paths[start : start + batch_size], batch, wanted)


def _check(wanted: _Wanted) -> None:
    """Raise ConfigError unless there are such classes to name."""
    labels, top = wanted.labels, wanted.top
    if top is not None and not 1 <= top <= len(labels):
        raise ConfigError(f"top={top} is not in [1, {len(labels)}], the number of classes")
    if wanted.probabilities and len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise ConfigError(
            f"probabilities: two classes are called {twice!r}, so that a probability has no name "
            f"of its own: use top={len(labels)}"
        )


def _batch(
    ensemble: Answering,
    paths: Sequence[str],
    batch: Sequence[Tensor | UnreadableImageError],
    wanted: _Wanted,
) -> list[Prediction]:
    pixels = {place: each for place, each in enumerate(batch) if isinstance(each, Tensor)}
    rows = {
        place: Prediction(path=paths[place], error=each.reason)
        for place, each in enumerate(batch)
        if isinstance(each, UnreadableImageError)
    }
    if pixels:
        images = ensemble.prepare(torch.stack(list(pixels.values())))
        answering = _answers if wanted.cascade is None else _staged
        answers = answering(ensemble, [paths[place] for place in pixels], images, wanted)
        rows |= dict(zip(pixels, answers, strict=True))
    return [rows[place] for place in range(len(paths))]


def _answers(
    ensemble: Answering, paths: Sequence[str], images: Tensor, wanted: _Wanted
) -> Iterator[Prediction]:
    logits = logits_of(ensemble, images)
    yield from _rows(paths, logits, wanted, range(len(logits)))


def _staged(
    ensemble: Answering, paths: Sequence[str], images: Tensor, wanted: _Wanted
) -> Iterator[Prediction]:
    """By the cascade: each image as the networks answer that were asked about it."""
    cascade, full = wanted.cascade, wanted.calibration
    assert cascade is not None
    found = staged_answers_of(ensemble, images, calibrated=full is not None)
    if full is not None:
        full = replace(full, sets=None, abstention=None, signal=None)
    rows: dict[int, Prediction] = {}
    for asked in set(found.asked.tolist()):
        places: list[int] = (found.asked == asked).nonzero().squeeze(1).tolist()
        networks = cascade.first(asked)
        own = wanted._replace(calibration=cascade.calibrations.get(asked, full))
        answers = _rows(
            [paths[place] for place in places], found.logits[networks][:, places], own, networks
        )
        for place, answer in zip(places, answers, strict=True):
            rows[place] = replace(answer, asked=asked)
    yield from (rows[place] for place in range(len(paths)))


def _rows(
    paths: Sequence[str], logits: Float[Tensor, "S B C"], wanted: _Wanted, networks: Sequence[int]
) -> Iterator[Prediction]:
    """The rows of images that these networks were asked about."""
    sound = logits.isfinite().all(-1)
    found = outputs_of(logits.double(), wanted.combine, wanted.calibration)
    labels = found["probabilities"].argmax(-1)
    columns = (
        *(sound.T, labels, found["probabilities"]),
        *(found["disagreement"], found["mutual_information"]),
    )
    rules = rules_of(logits, wanted.labels, wanted.combine, wanted.calibration)
    for path, rule, *row in zip(paths, rules, *(each.tolist() for each in columns), strict=True):
        finite, label, shares, disagreement, information = row
        if not all(finite):
            yield Prediction(path=path, error=_not_finite(networks[finite.index(False)]))
            continue
        yield Prediction(
            path=path,
            label=wanted.labels[int(label)],
            probability=shares[int(label)],
            disagreement=disagreement,
            mutual_information=information,
            top=None if wanted.top is None else _most_probable(shares, wanted.labels, wanted.top),
            probabilities=(
                dict(zip(wanted.labels, shares, strict=True)) if wanted.probabilities else None
            ),
            **rule,
        )


def _most_probable(
    shares: Sequence[float], labels: Sequence[str], count: int
) -> tuple[LabelProbability, ...]:
    """Of equally probable classes the first comes first, as in every answer."""
    places = sorted(range(len(shares)), key=lambda place: -shares[place])[:count]
    return tuple(
        LabelProbability(label=labels[place], probability=shares[place]) for place in places
    )


def _not_finite(network: int) -> str:
    return f"network {network} gives NaN or infinite logits"
