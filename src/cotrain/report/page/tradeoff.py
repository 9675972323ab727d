"""Error against cost: who is beaten in both, and who is not."""

from collections.abc import Sequence
from dataclasses import dataclass

from cotrain.report.page.contents import Picture, Spot
from cotrain.report.page.drawing import new_figure
from cotrain.report.pictures import add_legend, styles


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What one gets, and for how much.

    Args:
        name: Of what.
        cost: How much.
        error: In percent.
        std: Standard deviation of the error; None where it is not known.
    """

    name: str
    cost: float
    error: float
    std: float | None = None


def tradeoff_picture(name: str, what: str, offers: Sequence[Offer]) -> Picture:
    """Error against one kind of cost.

    Args:
        name: Of the picture's file.
        what: The cost, with its unit.
        offers: A point each.
    """
    figure, axes = new_figure()
    front = pareto_front([(each.cost, each.error) for each in offers])
    best = [offers[place] for place in front]
    costs, errors = [each.cost for each in best], [each.error for each in best]
    axes.plot(costs, errors, color="0.6", linewidth=1, linestyle="--", drawstyle="steps-post")
    spots = []
    for place, (each, (colour, marker)) in enumerate(zip(offers, styles(), strict=False)):
        face = colour if place in front else "none"
        style = {"fmt": marker, "color": colour, "markerfacecolor": face, "capsize": 3}
        axes.errorbar(each.cost, each.error, yerr=each.std, markersize=7, label=each.name, **style)
        says = f"{each.name}: error {each.error:.2f} %, {each.cost:.4g} {what}"
        spots.append(Spot(axes, each.cost, each.error, says))
    axes.set(xlabel=what, ylabel="test error, %")
    axes.set_xlim(*_range([each.cost for each in offers]))
    axes.set_ylim(0, 1.1 * max(each.error + (each.std or 0) for each in offers) or 1)
    add_legend(figure, columns=2)
    named = ", ".join(each.name for each in best)
    return Picture(
        name=name,
        title=f"Error against {what}",
        alt=f"Test error against {what}. On the Pareto front, filled, as nothing is better in "
        f"both: {named}. " + " ".join(f"{spot.text}." for spot in spots),
        figure=figure,
        spots=spots,
    )


def _range(costs: Sequence[float]) -> tuple[float, float]:
    """From 0, but where costs are so alike that they could not be told apart then."""
    least, most = min(costs), max(costs)
    return (0 if most > 1.3 * least else 0.85 * least), 1.15 * most


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Places of the points that no other beats: none is as small in both and smaller in one.

    By their first number; of equal points all are given.
    """
    chosen: list[int] = []
    for place in sorted(range(len(points)), key=lambda each: points[each]):
        if not chosen or _improves(points[place], points[chosen[-1]]):
            chosen.append(place)
    return chosen


def _improves(point: tuple[float, float], last: tuple[float, float]) -> bool:
    return point[1] < last[1] or point == last
