"""Tables for the terminal, and the picture of a comparison."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from cotrain.division import EQUAL_COST, Division, NetworkCost

if TYPE_CHECKING:  # the records' own modules take seconds to import; a table needs only the record
    from matplotlib.axes import Axes

    from cotrain.comparison import Comparison
    from cotrain.evaluation import Evaluation, Scores
    from cotrain.latency import Latency
    from cotrain.prediction import Prediction
    from cotrain.results import CandidateResult
    from cotrain.statistics import Spread

# Okabe and Ito's colours, which the colour-blind can tell apart; the markers differ too.
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("s", "o", "D", "^", "v", "P", "X")


def evaluation_table(evaluation: Evaluation) -> Table:
    """One row for every network and one for the ensemble; the diversity stands below."""
    diversity = evaluation.diversity
    caption = (
        f"{evaluation.images:,} images; combined by {evaluation.combine}. Diversity: two networks "
        f"disagree on {diversity.disagreement:.2%} of the images; mutual information "
        f"{diversity.mutual_information:.4f} nats."
    )
    table = new_table("", "top-1 %", "top-5 %", "NLL", "Brier", "ECE", caption=caption)
    for index, scores in enumerate(evaluation.networks):
        table.add_row(f"network {index}", *_cells(scores))
    table.add_section()
    table.add_row("ensemble", *_cells(evaluation.ensemble), style="bold")
    return table


def _cells(scores: Scores) -> list[str]:
    top5 = "-" if scores.top5 is None else f"{scores.top5 * 100:.2f}"
    numbers = (scores.nll, scores.brier, scores.ece)
    return [f"{scores.top1 * 100:.2f}", top5, *(f"{number:.4f}" for number in numbers)]


def division_table(division: Division) -> Table:
    """The large network, one of the S it is divided into, and all S together."""
    large, small, into = division.large, division.small, division.into
    table = new_table("", "params", "MACs", "widths")
    table.title, table.title_justify = f"{division.network} into {into}", "left"
    table.add_row("large network", *_cost_cells(large, 1), _widths(large))
    table.add_row("one network", *_cost_cells(small, 1), _widths(small))
    table.add_row(f"all {into}", *_cost_cells(small, into), "", style="bold")
    ratios = (f"x {ratio:.3f}" for ratio in (division.params_ratio, division.macs_ratio))
    table.add_row("ratio", *ratios, "")
    return table


def _cost_cells(cost: NetworkCost, times: int) -> tuple[str, str]:
    return f"{cost.params * times:,}", f"{cost.macs * times:,}"


def _widths(cost: NetworkCost) -> str:
    return " ".join(map(str, cost.widths))


def division_notes(division: Division) -> list[str]:
    """What is divided beside the widths, and what speaks against dividing."""
    before, after = division.weight_decay, division.divided_weight_decay
    rates = division.large.regularization
    divided = [
        f"{name} {p:g} -> {division.small.regularization[name]:.4g}"
        for name, p in rates.items()
        if p
    ]
    divided.append(f"weight decay, where a recipe divides it, {before:g} -> {after:.4g}")
    return [
        f"narrowest stage: {division.large.narrowest} -> {division.small.narrowest}",
        "regularisation: " + ", ".join(divided),
        *(f"warning: {each}" for each in division.warnings),
    ]


def prediction_table(rows: Iterable[Prediction]) -> Table:
    """One row an image; an image that could not be decoded says why."""
    table = new_table("image", "label", "probability", "disagreement", "mutual information")
    table.columns[1].justify = "left"
    for row in rows:
        if row.error is not None:
            table.add_row(Text(row.path), Text(row.error, style="red"))
            continue
        numbers = (row.probability, row.disagreement, row.mutual_information)
        cells = ("-" if number is None else f"{number:.4f}" for number in numbers)
        table.add_row(Text(row.path), Text(row.label or ""), *cells)
    return table


def comparison_table(comparison: Comparison) -> Table:
    """One row a candidate, and below it what the numbers say."""
    sizes = [each.batch_size for each in comparison.candidates[0].latencies]
    columns = ["", "params", "MACs", "error\n%", "NLL", "alone\n%"]
    columns += [f"ms\nB={size}" for size in sizes] + ["train\ns"]
    table = new_table(*columns, caption=_conclusions(comparison))
    for each in comparison.candidates:
        table.add_row(*_result_cells(each))
    return table


def _result_cells(result: CandidateResult) -> list[str]:
    cost = result.cost
    return [
        result.name.replace(" ", "\n") + ("" if cost.equal else "\nnot equal\ncost"),
        f"{short_number(cost.params)}\nx {cost.params_ratio:.2f}",
        f"{short_number(cost.macs)}\nx {cost.macs_ratio:.2f}",
        _plus_minus(result.error, 2),
        _plus_minus(result.nll, 4),
        _plus_minus(result.single_error, 2),
        *(_milliseconds(latency) for latency in result.latencies),
        "-" if result.seconds is None else f"{result.seconds:.0f}",
    ]


def _conclusions(comparison: Comparison) -> str:
    """The verdicts, then what the columns mean."""
    lines = [f"{each.name}: {each.verdict}." for each in comparison.candidates]
    seeds = len(comparison.seeds)
    lines += [
        "",
        f"Mean ± standard deviation over {seeds} {'seed' if seeds == 1 else 'seeds'}, "
        f"{comparison.images:,} test images. In brackets: difference to S=1 with its 95 % "
        "interval, paired bootstrap. alone: one network without the others. ms: median per image, "
        f"{comparison.device}, {comparison.threads} threads, networks one after the other. "
        f"train s: one training, {comparison.jobs} at a time.",
    ]
    return "\n".join(lines)


def new_table(*columns: str, caption: str | None = None) -> Table:
    """An empty table in the style of all; the first column is a name, the others are numbers."""
    table = Table(caption=caption, caption_justify="left", caption_style="", box=SIMPLE_HEAD)
    table.show_edge, table.padding = False, (0, 1, 0, 0)
    for index, column in enumerate(columns):
        justify = "right" if index else "left"
        table.add_column(column, justify=justify, vertical="top", overflow="fold")
    return table


def _plus_minus(value: Spread, digits: int) -> str:
    std = "" if value.std is None else f"\n± {value.std:.{digits}f}"
    return f"{value.mean:.{digits}f}{std}"


def _milliseconds(latency: Latency) -> str:
    return f"{latency.per_image_ms:.3g}"


def short_number(number: float) -> str:
    """A number with three digits and its prefix: 11.3 M."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= factor:
            return f"{number / factor:#.3g}".rstrip(".") + f" {prefix}"
    return f"{number:.3g}"


def comparison_picture(comparison: Comparison) -> bytes:
    """Error against MACs as a PNG: mean and standard deviation of every candidate."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), dpi=200, layout="constrained")
    FigureCanvasAgg(figure)
    _draw(figure.add_subplot(), comparison)
    figure.legend(loc="outside right upper", frameon=False, labelspacing=1)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _draw(axes: Axes, comparison: Comparison) -> None:
    results, experiment = comparison.candidates, comparison.experiment
    ratios = np.array([each.cost.macs_ratio for each in results])
    low, high = min(0.8, ratios.min() - 0.1), max(1.2, ratios.max() + 0.1)
    axes.axvspan(*EQUAL_COST, color="0.95", zorder=0, label="equal cost (±15 %)")
    places = _side_by_side(ratios, 0.05 * (high - low))
    styles = zip(cycle(MARKERS), cycle(COLOURS), strict=False)
    for result, place, (marker, colour) in zip(results, places, styles, strict=False):
        style = {"fmt": marker, "color": colour, "markersize": 8, "capsize": 4}
        error = result.error
        axes.errorbar(place, error.mean, yerr=error.std, label=_legend(result), **style)
    axes.set(
        xlim=(low, high),
        xlabel="MACs, as a multiple of the large network's (points are moved apart a little)",
        ylim=(0, None),
    )
    what = f"{experiment.network} on {experiment.data.dataset}"
    axes.set_title(f"{what}: mean ± standard deviation, {len(comparison.seeds)} seeds", fontsize=11)
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
