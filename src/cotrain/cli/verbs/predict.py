"""``cotrain predict``: the answer for images."""

import os
from pathlib import Path
from typing import Any, Literal

from cotrain.basics.errors import ConfigError
from cotrain.basics.files import atomic_write
from cotrain.basics.output import output_file
from cotrain.cli.verbs.arguments import checked_device
from cotrain.config.combining import Combine
from cotrain.config.dtype import Dtype


def predict(
    ensemble: str,
    images: str,
    *,
    format: Literal["table", "csv", "json", "jsonl"] | None = None,
    output: str | None = None,
    top: int | None = None,
    probabilities: bool = False,
    combine: Combine | None = None,
    calibrated: bool = True,
    cascade: bool = False,
    batch_size: int = 64,
    device: str = "cpu",
    dtype: Dtype = "fp32",
    trust: bool = False,
) -> None:
    """Answer for images and folders of images: label, probability, disagreement.

    cotrain predict runs/photos new-images cat.png --top 3 --output answers.csv

    Args:
        ensemble: An ensemble's folder, a run folder, or what cotrain export wrote.
        images: Image files, and folders that are searched for images; as many as you like.
        format: A table, CSV, JSON or JSON lines; a table if not given, or what the name of the
            output says.
        output: File to write: .csv, .json or .jsonl; printed if not given.
        top: So many of the most probable classes, with their probabilities.
        probabilities: The probability of every class.
        combine: How the answers are combined; the ensemble's own way if not given.
        calibrated: Use what cotrain calibrate found; false shows the answers before it.
        cascade: Ask only as many networks about each image as what cotrain cascade stored does.
        batch_size: Images at once.
        device: cpu or cuda; what was exported answers on the cpu.
        dtype: What the networks compute in: fp32; or bf16 or fp16, which are less exact: cotrain
            evaluate --dtype says by how much.
        trust: Open a .pt2 file, which can run any program: only one of somebody you trust.
    """
    from cotrain.data.summary import show_files
    from cotrain.ensemble.answering import known_preprocessing
    from cotrain.evaluation.answer_formats import WRITERS, format_of
    from cotrain.evaluation.prediction import find_images, predict_files
    from cotrain.execution.prepare import answering_in
    from cotrain.export import open_answering
    from cotrain.report.evaluation import prediction_table
    from cotrain.report.style import display

    chosen = format_of(output, format)
    file = None if output is None else output_file(output)
    if top is not None and probabilities:
        raise ConfigError(f"--top {top} and --probabilities, which are of all: give one of them")
    loaded = open_answering(ensemble, checked_device(device), trust=trust)
    places = images.split("\0")
    found = find_images(places)
    if file is not None:
        _check_is_no_input(file, [ensemble, *found.files])
    asked: dict[str, Any] = {"top": top, "probabilities": probabilities}
    asked |= {"calibrated": calibrated, "cascade": cascade}
    answers = predict_files(answering_in(loaded, dtype), found.files, batch_size, combine, **asked)
    rows = list(answers)
    unanswered = sum(row.error is not None for row in rows)
    if unanswered < len(rows):
        show_files(places, found, unanswered, known_preprocessing(loaded.spec))
    if chosen == "table":
        display(prediction_table(rows))
    elif file is None:
        print(WRITERS[chosen](rows), end="")
    else:
        atomic_write(file, WRITERS[chosen](rows).encode())
        print(f"answers: {file}")
    if unanswered == len(rows):
        given = " ".join(places)
        raise ConfigError(f"{given}: none of {len(rows)} images got an answer: {rows[0].error}")


def _check_is_no_input(file: Path, inputs: list[str]) -> None:
    if os.path.realpath(file) in map(os.path.realpath, inputs):
        raise ConfigError(f"--output {file} is read, and would be lost: choose another --output")
