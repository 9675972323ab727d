"""A comparison of trainings, as a table and a picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cotrain.comparison.accuracy.compare import Comparison
from cotrain.comparison.accuracy.statistics import Spread
from cotrain.comparison.accuracy.verdicts import CandidateResult
from cotrain.dividing.division import EQUAL_COST
from cotrain.report.pictures import add_legend, styles, write_result
from cotrain.report.style import Cell, ResultTable, new_table, short_number


def comparison_table(comparison: Comparison) -> ResultTable:
    """One row a candidate, and below it what the numbers say."""
    sizes = [each.batch_size for each in comparison.candidates[0].latencies]
    columns = ["", "params", "MACs", "error\n%", "NLL", "alone\n%"]
    columns += [f"ms\nB={size}" for size in sizes] + ["train\ns"]
    table = new_table(*columns, caption=_conclusions(comparison))
    for each in comparison.candidates:
        table.add_row(*_result_cells(each))
    return table


def _result_cells(result: CandidateResult) -> list[Cell]:
    cost = result.cost
    return [
        [*result.name.split(" "), *([] if cost.equal else ["not equal", "cost"])],
        [short_number(cost.params), f"x {cost.params_ratio:.2f}"],
        [short_number(cost.macs), f"x {cost.macs_ratio:.2f}"],
        _plus_minus(result.error, 2),
        _plus_minus(result.nll, 4),
        _plus_minus(result.single_error, 2),
        *(f"{latency.per_image_ms:.3g}" for latency in result.latencies),
        "-" if result.seconds is None else f"{result.seconds:.0f}",
    ]


def _conclusions(comparison: Comparison) -> str:
    """The verdicts, then what the columns mean."""
    lines = [f"{each.name}: {each.verdict}." for each in comparison.candidates]
    spanned = "seeds and images" if len(comparison.seeds) > 1 else "images only"
    lines += [
        "",
        f"{_over_seeds(comparison).capitalize()}, {comparison.images:,} test images. In brackets: "
        f"difference to S=1 with its 95 % interval over {spanned}. alone: one network without the "
        f"others. ms: median per image, {comparison.device}, {comparison.threads} threads, "
        f"networks one after the other. train s: one training, {comparison.jobs} at a time.",
    ]
    return "\n".join(lines)


def _over_seeds(comparison: Comparison) -> str:
    seeds = len(comparison.seeds)
    return "one seed" if seeds == 1 else f"mean ± standard deviation over {seeds} seeds"


def _plus_minus(value: Spread, digits: int) -> list[str]:
    std = [] if value.std is None else [f"± {value.std:.{digits}f}"]
    return [f"{value.mean:.{digits}f}", *std]


def write_comparison(comparison: Comparison, folder: Path) -> None:
    """Write ``comparison.json`` and ``comparison.png``."""
    write_result(folder, "comparison", comparison.to_dict(), comparison_picture(comparison))


def comparison_picture(comparison: Comparison) -> Figure:
    """Error against MACs: mean and standard deviation of every candidate."""
    figure = Figure(figsize=(8, 4), dpi=200, layout="constrained")
    _draw(figure.add_subplot(), comparison)
    add_legend(figure, columns=3)
    return figure


def _draw(axes: Axes, comparison: Comparison) -> None:
    results, experiment = comparison.candidates, comparison.experiment
    ratios = np.array([each.cost.macs_ratio for each in results])
    low, high = min(0.8, ratios.min() - 0.1), max(1.2, ratios.max() + 0.1)
    axes.axvspan(*EQUAL_COST, color="0.95", zorder=0, label="equal cost (±15 %)")
    places = _side_by_side(ratios, 0.05 * (high - low))
    for result, place, (colour, marker) in zip(results, places, styles(), strict=False):
        style = {"fmt": marker, "color": colour, "markersize": 8, "capsize": 4}
        error = result.error
        axes.errorbar(place, error.mean, yerr=error.std, label=_legend(result), **style)
    axes.set(
        xlim=(low, high),
        xlabel="MACs, as a multiple of the large network's (points are moved apart a little)",
        ylim=(0, None),
    )
    what = f"{experiment.network} on {experiment.data.dataset}"
    axes.set_title(f"{what}: {_over_seeds(comparison)}", fontsize=11)
    axes.set_ylabel("test error, %")
    axes.grid(axis="y", color="0.9")
    axes.spines[["top", "right"]].set_visible(False)


def _legend(result: CandidateResult) -> str:
    std = "" if result.error.std is None else f" ± {result.error.std:.2f}"
    return f"{result.name}\n{result.error.mean:.2f}{std} %, {short_number(result.cost.macs)} MACs"


def _side_by_side(values: Sequence[float] | np.ndarray, gap: float) -> np.ndarray:
    """The values moved as little as leaves ``gap`` between neighbours, so that no point hides."""
    from sklearn.isotonic import isotonic_regression

    order = np.argsort(values, kind="stable")
    steps = gap * np.arange(len(order))
    places = np.empty(len(order))
    places[order] = isotonic_regression(np.asarray(values)[order] - steps) + steps
    return places
