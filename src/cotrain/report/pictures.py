"""What all pictures share: their colours, and how a result and its picture are written."""

import io
import math
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from cotrain.basics.errors import ConfigError
from cotrain.basics.files import atomic_write, write_json

# Okabe and Ito's colours, which the colour-blind can tell apart; the markers differ too.
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("s", "o", "D", "^", "v", "P", "X")


def styles() -> Iterator[tuple[str, str]]:
    """Colours and markers, one pair for each thing drawn; none comes twice in the first 49."""
    for place in count():
        turn, colour = divmod(place, len(COLOURS))
        yield COLOURS[colour], MARKERS[(colour + turn) % len(MARKERS)]


def add_legend(figure: Figure, columns: int) -> None:
    """A legend of the first panel below all, for which the figure is made higher."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    columns = min(columns, len(labels))
    lines = math.ceil(len(labels) / columns) * (1 + max(label.count("\n") for label in labels))
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + 0.1 + 0.22 * lines)
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize=9,
        labelspacing=0.8,
    )


def kind_of_picture(file: Path) -> str:
    """What a picture is written as, by the name of its file: png, svg or pdf.

    Raises:
        ConfigError: It is called otherwise.
    """
    kind = file.suffix.lower().removeprefix(".")
    if kind not in ("png", "svg", "pdf"):
        raise ConfigError(f"--output {file} ends in neither .png, .svg nor .pdf: give one of these")
    return kind


def write_picture(picture: Figure, file: Path) -> None:
    """Write a picture as its file is called; see ``kind_of_picture``."""
    buffer = io.BytesIO()
    picture.savefig(buffer, format=kind_of_picture(file))
    atomic_write(file, buffer.getbuffer())


def write_result(folder: Path, name: str, record: dict[str, Any], picture: Figure) -> None:
    """Write a result's record as ``name.json`` and its picture as ``name.png``."""
    write_json(folder / f"{name}.json", record)
    write_picture(picture, folder / f"{name}.png")
