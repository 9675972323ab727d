"""``cotrain predict``: the answer for images."""

from pathlib import Path
from typing import Literal

from rich.console import Console

from cotrain.basics.errors import ConfigError
from cotrain.cli.verbs.arguments import checked_device
from cotrain.config.combining import Combine


def predict(
    ensemble: str,
    images: str,
    *,
    format: Literal["table", "csv", "jsonl"] = "table",
    combine: Combine | None = None,
    batch_size: int = 64,
    device: str = "cpu",
) -> None:
    """Answer for an image or a folder of images: label, probability, disagreement.

    Args:
        ensemble: An ensemble's folder, a run folder, or what cotrain export wrote.
        images: An image file, or a folder that is searched for images.
        format: A table, CSV or JSON lines.
        combine: How the answers are combined; the ensemble's own way if not given.
        batch_size: Images at once.
        device: cpu or cuda; what was exported answers on the cpu.
    """
    from cotrain.evaluation.prediction import find_images, predict_files, to_csv, to_jsonl
    from cotrain.export import open_answering
    from cotrain.report.evaluation import prediction_table

    loaded = open_answering(ensemble, checked_device(device))
    rows = list(predict_files(loaded, find_images(Path(images)), batch_size, combine))
    if format == "table":
        Console().print(prediction_table(rows))
    else:
        print({"csv": to_csv, "jsonl": to_jsonl}[format](rows), end="")
    if all(row.error for row in rows):
        raise ConfigError(f"{images}: none of {len(rows)} images got an answer: {rows[0].error}")
