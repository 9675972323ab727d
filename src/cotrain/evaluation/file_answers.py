"""The ensemble's answer to every test image that is a file, as ``predictions.csv`` holds it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from cotrain.basics.files import atomic_write
from cotrain.basics.shapes import Float, Int
from cotrain.config.combining import Combine
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.combining import outputs_of
from cotrain.evaluation.answer_formats import csv_table

_CHUNK = 4096  # images whose float64 probabilities are held at once


@dataclass(frozen=True, kw_only=True)
class FileAnswer:
    """The answer to one test image.

    Args:
        file: Its path, below the folder of the data.
        truth: Name of its class.
        answer: Name of the most probable class.
        probability: Of that class, as the ensemble sees it.
    """

    file: str
    truth: str
    answer: str
    probability: float


def answers_to_files(
    files: Sequence[str],
    logits: Float[Tensor, "S N C"],
    targets: Int[Tensor, " N"],
    classes: Sequence[str],
    *,
    combine: Combine,
    calibration: Calibration | None,
) -> tuple[FileAnswer, ...]:
    """The answer to each of N files.

    Args:
        files: Paths below the folder of the data.
        logits: Of every network.
        targets: The files' classes.
        classes: Their names.
        combine: How the S answers become one.
        calibration: What makes their probabilities right; None for none.
    """
    best = [
        outputs_of(part.double(), combine, calibration)["probabilities"].max(-1)
        for part in logits.split(_CHUNK, dim=1)
    ]
    shares, labels = (torch.cat(parts).tolist() for parts in zip(*best, strict=True))
    truths, answers = ([classes[int(each)] for each in found] for found in (targets, labels))
    return tuple(
        FileAnswer(file=file, truth=truth, answer=answer, probability=share)
        for file, truth, answer, share in zip(files, truths, answers, shares, strict=True)
    )


def write_answers(path: Path, answers: Sequence[FileAnswer]) -> None:
    """Write a CSV table, one line a file; see ``csv_cell`` for how texts stand in it."""
    atomic_write(path, csv_table(map(vars, answers), FileAnswer.__dataclass_fields__).encode())
