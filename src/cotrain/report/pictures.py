"""What all pictures share: their colours, and how a result and its picture are written."""

import io
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from cotrain.basics.files import atomic_write, write_json

# Okabe and Ito's colours, which the colour-blind can tell apart; the markers differ too.
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("s", "o", "D", "^", "v", "P", "X")


def write_result(folder: Path, name: str, record: dict[str, Any], picture: Figure) -> None:
    """Write a result's record as ``name.json`` and its picture as ``name.png``."""
    buffer = io.BytesIO()
    picture.savefig(buffer, format="png")
    write_json(folder / f"{name}.json", record)
    atomic_write(folder / f"{name}.png", buffer.getbuffer())
