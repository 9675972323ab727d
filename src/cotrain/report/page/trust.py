"""Whether the answers of an ensemble can be trusted, as pictures."""

from collections.abc import Mapping, Sequence

from cotrain.evaluation.uncertainty.reliability import Bin
from cotrain.evaluation.uncertainty.uncertainty import AbstentionScores
from cotrain.report.page.contents import Picture, Spot
from cotrain.report.page.drawing import new_figure
from cotrain.report.pictures import add_legend, styles
from cotrain.report.style import new_table


def reliability_picture(curves: Mapping[str, Sequence[Bin]]) -> Picture:
    """How often answers are right, by how sure they are; on the diagonal they can be believed."""
    figure, axes = new_figure()
    spots, numbers = [], new_table("", "probability", "right", "images")
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle="--")
    for (label, bins), (colour, marker) in zip(curves.items(), styles(), strict=False):
        x, y = [each.confidence for each in bins], [each.accuracy for each in bins]
        axes.plot(x, y, color=colour, marker=marker, markersize=5, linewidth=1.2, label=label)
        for each in bins:
            says = f"said {each.confidence:.3f}, right {each.accuracy:.3f}: {each.images:,} images"
            spots.append(Spot(axes, each.confidence, each.accuracy, f"{label}: {says}"))
            cells = f"{each.confidence:.4f}", f"{each.accuracy:.4f}", f"{each.images:,}"
            numbers.add_row(label, *cells)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="probability of the answer")
    axes.set_ylabel("share that is right")
    add_legend(figure, columns=2)
    return Picture(
        name="reliability",
        title="Is it right as often as it says?",
        alt="How often answers are right, by how sure they are: "
        + "; ".join(f"{label}, {_largest_gap(bins)}" for label, bins in curves.items()),
        figure=figure,
        spots=spots,
        numbers=numbers,
    )


def _largest_gap(bins: Sequence[Bin]) -> str:
    each = max(bins, key=lambda b: b.images * abs(b.confidence - b.accuracy))
    return f"where it matters most said {each.confidence:.2f} and right {each.accuracy:.2f}"


def coverage_picture(
    curves: Mapping[str, Sequence[tuple[float, float]]],
    abstention: AbstentionScores | None = None,
) -> Picture:
    """Share of wrong answers among the surest, by how many images are answered.

    Of a single curve the optimum is drawn, too: all right answers before all wrong ones.

    Args:
        curves: Coverage and risk, by what is drawn.
        abstention: The risk that is wanted, and where the ensemble answers for it.
    """
    figure, axes = new_figure()
    if len(curves) == 1:
        (curve,) = curves.values()
        right = 1 - curve[-1][1]
        best = [(100 * c, 100 * max(0.0, 1 - right / c)) for c, _ in curve]
        axes.plot(*zip(*best, strict=True), color="0.6", linestyle="--", label="at best")
    if abstention is not None:
        wanted = 100 * abstention.rule.risk
        label = f"at most {wanted:g} % wanted"
        axes.axhline(wanted, color="0.6", linewidth=1, linestyle=":", label=label)
        if abstention.risk is not None:
            place = 100 * abstention.coverage, 100 * abstention.risk
            axes.plot(*place, color="0.3", marker="x", linestyle="", label="answers that count")
    spots, numbers = [], new_table("", "answered %", "wrong %")
    for (label, curve), (colour, _) in zip(curves.items(), styles(), strict=False):
        points = [(100 * coverage, 100 * risk) for coverage, risk in curve]
        x, y = zip(*points, strict=True)
        axes.plot(x, y, color=colour, linewidth=1.5, label=label)
        for coverage, risk in points:
            says = f"{label}: {coverage:.1f} % answered, {risk:.2f} % of them wrong"
            spots.append(Spot(axes, coverage, risk, says))
        for coverage, risk in points[:: max(1, len(points) // 20)]:
            numbers.add_row(label, f"{coverage:.1f}", f"{risk:.2f}")
    axes.set(xlim=(0, 101), xlabel="images that are answered, the surest first, %")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("wrong among them, %")
    add_legend(figure, columns=2)
    ends = (f"{label}, {100 * curve[-1][1]:.2f} % of all" for label, curve in curves.items())
    return Picture(
        name="risk-coverage",
        title="How many answers are wrong if only sure ones are given?",
        alt="Share of wrong answers by the share of images answered: " + "; ".join(ends),
        figure=figure,
        spots=spots,
        numbers=numbers,
    )
