"""A comparison of trainings: its record, and its picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cotrain.comparison.accuracy.candidate_result import CandidateResult
from cotrain.comparison.accuracy.compare import Comparison
from cotrain.dividing.division import EQUAL_COST
from cotrain.report.accuracy_tables import over_seeds
from cotrain.report.pictures import add_legend, styles, write_result
from cotrain.report.style import short_number


def write_comparison(comparison: Comparison, folder: Path) -> None:
    """Write ``comparison.json`` and ``comparison.png``."""
    write_result(folder, "comparison", comparison.to_dict(), comparison_picture(comparison))


def comparison_picture(comparison: Comparison) -> Figure:
    """Error against MACs: mean and standard deviation of every candidate."""
    figure = Figure(figsize=(8, 4), dpi=200, layout="constrained")
    draw_comparison(figure.add_subplot(), comparison)
    add_legend(figure, columns=3)
    return figure


def draw_comparison(axes: Axes, comparison: Comparison) -> list[tuple[float, float]]:
    """Draw error against MACs, and give the place of every candidate."""
    results, experiment = comparison.candidates, comparison.experiment
    ratios = np.array([each.cost.macs_ratio for each in results])
    low, high = min(0.8, ratios.min() - 0.1), max(1.2, ratios.max() + 0.1)
    axes.axvspan(*EQUAL_COST, color="0.95", zorder=0, label="equal cost (±15 %)")
    places = _side_by_side(ratios, 0.05 * (high - low)).tolist()
    for result, place, (colour, marker) in zip(results, places, styles(), strict=False):
        style = {"fmt": marker, "color": colour, "markersize": 8, "capsize": 4}
        error = result.given.error
        axes.errorbar(place, error.mean, yerr=error.std, label=_legend(result), **style)
    axes.set(
        xlim=(low, high),
        xlabel="MACs, x the large network's (points are moved apart a little)",
        ylim=(0, None),
    )
    what = f"{experiment.network} on {experiment.data.dataset}"
    axes.set_title(f"{what}: {over_seeds(comparison)}", fontsize=11)
    axes.set_ylabel("test error, %")
    axes.grid(axis="y", color="0.9")
    axes.spines[["top", "right"]].set_visible(False)
    return [(place, result.given.error.mean) for place, result in zip(places, results, strict=True)]


def _legend(result: CandidateResult) -> str:
    error = result.given.error
    std = "" if error.std is None else f" ± {error.std:.2f}"
    return f"{result.name}\n{error.mean:.2f}{std} %, {short_number(result.cost.macs)} MACs"


def _side_by_side(values: Sequence[float] | np.ndarray, gap: float) -> np.ndarray:
    """The values moved as little as leaves ``gap`` between neighbours, so that no point hides."""
    from sklearn.isotonic import isotonic_regression

    order = np.argsort(values, kind="stable")
    steps = gap * np.arange(len(order))
    places = np.empty(len(order))
    places[order] = isotonic_regression(np.asarray(values)[order] - steps) + steps
    return places
