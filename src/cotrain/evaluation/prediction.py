"""The ensemble's answer to image files: label, probability, and how far the networks agree.

A file that cannot be decoded, or that a network answers with NaN, gives a row with its ``error``
and stops nothing; the command fails only when no file got an answer.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Float
from cotrain.config.combining import Combine
from cotrain.data import UnreadableImageError, read_image
from cotrain.data.folders import image_files
from cotrain.ensemble.answering import Answering, known_preprocessing, logits_of
from cotrain.ensemble.combining import outputs_of


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The answer to one image file.

    Args:
        path: The file.
        label: Name of the most probable class, or its index where names are unknown.
        probability: Of that class, as the ensemble sees it.
        disagreement: Share of the networks that name another class than the ensemble.
        mutual_information: Of the class and the network, in nats: 0 where all answer alike.
        error: Why there is no answer: the file could not be decoded, or a network's logits are not
            finite. Everything above but the path is None then.
    """

    path: str
    label: str | None = None
    probability: float | None = None
    disagreement: float | None = None
    mutual_information: float | None = None
    error: str | None = None


def find_images(path: Path | str) -> list[str]:
    """The file itself, or every image file below the folder, in a fixed order.

    Raises:
        ConfigError: No such file or folder, or a folder without images.
    """
    path = Path(path)
    if path.is_file():
        return [str(path)]
    if path.is_dir():
        return image_files(path)
    raise ConfigError(f"{path} is neither a file nor a folder: give an image or a folder of images")


def predict_files(
    ensemble: Answering,
    paths: Sequence[str],
    batch_size: int = 64,
    combine: Combine | None = None,
) -> Iterator[Prediction]:
    """One row for every path, in order; files are decoded a batch at a time.

    Args:
        ensemble: An ensemble, an execution of one, or an exported file.
        paths: Image files.
        batch_size: How many images are decoded and answered together.
        combine: How the answers become one; the ensemble's own way if None.

    Raises:
        ConfigError: The ensemble does not say how images are preprocessed.
    """
    known_preprocessing(ensemble.spec)
    if batch_size < 1:
        raise ConfigError(f"batch_size={batch_size} is below 1: give at least 1")
    for start in range(0, len(paths), batch_size):
        batch = paths[start : start + batch_size]
        yield from _batch(ensemble, batch, combine or ensemble.spec.combine)


def _batch(ensemble: Answering, paths: Sequence[str], combine: Combine) -> list[Prediction]:
    preprocessing = known_preprocessing(ensemble.spec)
    pixels: dict[str, Tensor] = {}
    rows: dict[str, Prediction] = {}
    for path in paths:
        try:
            pixels[path] = read_image(path, preprocessing)
        except UnreadableImageError as error:
            rows[path] = Prediction(path=path, error=error.reason)
    if pixels:
        images = ensemble.prepare(torch.stack(list(pixels.values())))
        logits = logits_of(ensemble, images)
        answers = _answers(list(pixels), logits, combine, ensemble.spec.classes)
        rows |= {row.path: row for row in answers}
    return [rows[path] for path in paths]


def _answers(
    paths: Sequence[str],
    logits: Float[Tensor, "S B C"],
    combine: Combine,
    classes: tuple[str, ...],
) -> Iterator[Prediction]:
    sound = logits.isfinite().all(-1)
    found = outputs_of(logits.double(), combine)
    probabilities, labels = found["probabilities"].max(-1)
    columns = (sound.T, labels, probabilities, found["disagreement"], found["mutual_information"])
    for path, *row in zip(paths, *(column.tolist() for column in columns), strict=True):
        finite, label, probability, disagreement, information = row
        if not all(finite):
            yield Prediction(path=path, error=_not_finite(finite.index(False)))
            continue
        yield Prediction(
            path=path,
            label=classes[label] if classes else str(label),
            probability=probability,
            disagreement=disagreement,
            mutual_information=information,
        )


def _not_finite(network: int) -> str:
    return f"network {network} gives NaN or infinite logits"


def to_csv(rows: Iterable[Prediction]) -> str:
    """A CSV table: a header, then one line for every row."""
    table = io.StringIO()
    columns = [field.name for field in fields(Prediction)]
    writer = csv.DictWriter(table, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return table.getvalue()


def to_jsonl(rows: Iterable[Prediction]) -> str:
    """One JSON object a line for every row."""
    return "".join(json.dumps(asdict(row)) + "\n" for row in rows)
