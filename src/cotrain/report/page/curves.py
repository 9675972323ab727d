"""How training went, epoch by epoch, as ``metrics.csv`` tells it."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes

from cotrain.basics.errors import ConfigError
from cotrain.basics.reading import read_text
from cotrain.report.page.contents import Picture, Spot
from cotrain.report.page.drawing import new_figure
from cotrain.report.pictures import COLOURS, add_legend
from cotrain.report.style import ResultTable, new_table

Metrics = Mapping[str, Sequence[float]]

_ROWS = 100  # of a table of epochs
_SPOTS = 400  # of a picture
_IMAGES = {"val": "validation", "train": "training"}
_DIFFER = "How often two networks name different classes"


def read_metrics(path: Path) -> Metrics:
    """Every column of ``metrics.csv``, a value an epoch; none where there is no file.

    Raises:
        ConfigError: It is damaged.
    """
    if not path.is_file():
        return {}
    header, *rows = [*csv.reader(io.StringIO(read_text(path)))] or [[]]
    try:
        columns = [[float(value) for value in column] for column in zip(*rows, strict=True)]
        found = dict(zip(header, columns, strict=True)) if rows else {}
    except ValueError:
        found = {"": []}
    if found and "epoch" not in found:
        raise ConfigError(f"{path} is damaged: restore it, or remove it for a report without it")
    return found


def curves(metrics: Metrics) -> list[Picture]:
    """Accuracies, losses, and of several networks what pulls them together and how they differ."""
    if not metrics:
        return []
    drawn = [_accuracies(metrics), _losses(metrics)]
    drawn += [_together(metrics)] if any(metrics["train_divergence"]) else []
    return drawn + _disagreements(metrics)


def comparing_curves(runs: Mapping[str, Sequence[Metrics]]) -> list[Picture]:
    """Accuracy of the ensemble, and how the networks differ; the mean over several runs each.

    Args:
        runs: Metrics of the runs of each thing that was trained.
    """
    if not runs:
        return []
    every = [each for several in runs.values() for each in several]
    part = "val" if all("val_accuracy" in each for each in every) else "train"
    images = _IMAGES[part]
    epochs = max((each["epoch"] for each in every), key=len)
    accuracy = {name: _mean(each, f"{part}_accuracy", 100) for name, each in runs.items()}
    divergence = {name: _mean(each, "train_divergence", 1) for name, each in runs.items()}
    drawn = [
        ("accuracy", f"Accuracy of the ensemble on the {images} images, %", accuracy),
        ("divergence", "Divergence of the networks, nats", divergence),
    ]
    if all(f"{part}_disagreement" in each for each in every):
        differ = {name: _mean(each, f"{part}_disagreement", 100) for name, each in runs.items()}
        drawn.append(("disagreement", f"{_DIFFER} on the {images} images, %", differ))
    return [
        _curves_of(
            name, title, f"{title}, over the epochs; in the last: {_ends(lines)}.", epochs, lines
        )
        for name, title, lines in drawn
    ]


def _mean(runs: Sequence[Metrics], name: str, scale: float) -> list[float]:
    """Mean over the runs, up to the epoch at which the first of them ends."""
    columns = zip(*(each[name] for each in runs), strict=False)
    return [scale * sum(values) / len(values) for values in columns]


def _ends(lines: Mapping[str, Sequence[float]]) -> str:
    return ", ".join(f"{name} {_last(values):.4g}" for name, values in lines.items())


def _accuracies(metrics: Metrics) -> Picture:
    part = "val" if "val_accuracy" in metrics else "train"
    images = _IMAGES[part]
    networks = [name for name in metrics if name.startswith(f"{part}_accuracy_")]
    lines = {"ensemble": _percent(metrics[f"{part}_accuracy"])}
    lines |= {f"network {name.rpartition('_')[2]}": _percent(metrics[name]) for name in networks}
    return _curves_of(
        "accuracy",
        f"Accuracy on the {images} images, %",
        f"Accuracy on the {images} images over the epochs; in the last: {_ends(lines)}.",
        metrics["epoch"],
        lines,
        unit=" %",
    )


def _losses(metrics: Metrics) -> Picture:
    names = {
        "train_loss": "whole loss, summed over the networks",
        "train_cross_entropy": "cross-entropy, summed over the networks",
        "val_nll": "NLL of the ensemble, validation",
    }
    lines = {title: metrics[name] for name, title in names.items() if name in metrics}
    alt = f"Losses in nats over the epochs; in the last: {_ends(lines)}."
    return _curves_of("loss", "Losses, nats", alt, metrics["epoch"], lines)


def _together(metrics: Metrics) -> Picture:
    lines = {
        "divergence of the networks, nats": metrics["train_divergence"],
        "weight of the co-training loss": metrics["co_training_weight"],
    }
    return _curves_of(
        "co-training",
        "What pulls the networks together",
        f"Co-training over the epochs; in the last: {_ends(lines)}.",
        metrics["epoch"],
        lines,
    )


def _disagreements(metrics: Metrics) -> list[Picture]:
    """On which part of the images two networks name different classes; none of one network."""
    counted = {
        f"{images} images": _percent(metrics.get(f"{part}_disagreement", ()))
        for part, images in _IMAGES.items()
    }
    lines = {label: values for label, values in counted.items() if any(v > 0 for v in values)}
    if not lines:
        return []
    alt = f"{_DIFFER}, over the epochs; in the last: {_ends(lines)}."
    return [_curves_of("disagreement", f"{_DIFFER}, %", alt, metrics["epoch"], lines, unit=" %")]


def _curves_of(
    name: str,
    title: str,
    alt: str,
    epochs: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    unit: str = "",
) -> Picture:
    """One line each, the first one thick; only what is finite is drawn."""
    figure, axes = new_figure()
    spots: list[Spot] = []
    step = max(1, math.ceil(len(epochs) * len(lines) / _SPOTS))
    for place, (label, values) in enumerate(lines.items()):
        colour = COLOURS[place % len(COLOURS)]
        marker = "o" if len(epochs) == 1 else ""
        width = 1.2 if place else 2
        along = epochs[: len(values)]
        axes.plot(along, values, color=colour, linewidth=width, marker=marker, label=label)
        spots += _spots_of(axes, along[::step], values[::step], label, unit)
    axes.set_xlabel("epoch")
    add_legend(figure, columns=2 if max(map(len, lines)) < 24 else 1)
    numbers = epoch_table(epochs, lines)
    return Picture(name=name, title=title, alt=alt, figure=figure, spots=spots, numbers=numbers)


def _spots_of(
    axes: Axes, epochs: Iterable[float], values: Iterable[float], label: str, unit: str
) -> list[Spot]:
    points = zip(epochs, values, strict=True)
    return [
        Spot(axes, epoch, value, f"epoch {epoch:g}: {label} {value:.4g}{unit}")
        for epoch, value in points
        if math.isfinite(value)
    ]


def epoch_table(epochs: Sequence[float], lines: Mapping[str, Sequence[float]]) -> ResultTable:
    """A row an epoch; of more than 100 epochs every second, third and so on, and the last."""
    step = math.ceil(len(epochs) / _ROWS)
    chosen = sorted({*range(0, len(epochs), step), len(epochs) - 1})
    table = new_table("epoch", *lines)
    for index in chosen:
        cells = (f"{v[index]:.4g}" if index < len(v) else "-" for v in lines.values())
        table.add_row(f"{epochs[index]:g}", *cells)
    return table


def _percent(values: Sequence[float]) -> list[float]:
    return [100 * value for value in values]


def _last(values: Sequence[float]) -> float:
    return next((value for value in reversed(values) if math.isfinite(value)), math.nan)
