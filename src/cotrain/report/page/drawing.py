"""What the pictures of a page share: narrow enough to be read on a phone."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

SIZE = (4.8, 3.2)  # inches: at the width of a phone, letters of 9 points are still 8 high


def new_figure() -> tuple[Figure, Axes]:
    """A figure of one panel."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.85", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=9)
    return figure, axes
