"""Dividing by the constructor: the same builder runs with smaller widths among its arguments.

What it gives is a network that its authors' code built and initialised, so its function is right
by construction. What can fail is the budget: widths that no argument tells stay as they are.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import prod
from typing import Any

from torch import nn

from cotrain.dividing.any_network.by_constructor.hidden_ratios import tune_ratios
from cotrain.dividing.any_network.by_constructor.rebuilding import Rebuilding
from cotrain.dividing.any_network.by_constructor.widths import Leaf, Scaling, width_leaves
from cotrain.dividing.any_network.goal import MOST_UNEVEN, Attempt, Goal
from cotrain.networks.foreign.narrow.arguments import constructor_arguments
from cotrain.networks.foreign.vocabulary import Meaning

# Heads stay as many and become narrower; or they become fewer of the same width; or both stay.
_MEANINGS: tuple[set[Meaning], ...] = ({"width", "unit"}, {"width", "count"}, {"width"}, {"factor"})
# Multiples of 8 suit the hardware; finer ones meet the budget better. Coarser ones may be what a
# network needs whose heads or groups no argument tells.
_GRAINS = (8, 4, 2, 1, 16, 32)
_MOST_STEPS = 8
_MOST_BUILDS = 30
# Nearer to the budget than this is not worth another build.
_CLOSE = 0.01
# Rounding makes stages uneven by less than this: more comes of widths that no argument tells.
_HOPELESS = 1.1 * MOST_UNEVEN


def divide_by_constructor(build: Callable[[], nn.Module], goal: Goal) -> Attempt | None:
    """The best attempt of smaller widths, or None if no arguments make one that runs.

    It may not fit the goal: its ratios and unevenness say how far it is off.

    Args:
        build: Makes the large network; see ``cotrain.networks.foreign.names.builder_of``.
        goal: What the attempt must keep to.
    """
    try:
        construction = constructor_arguments(build, type(goal.large))
    except TypeError:  # a copy of a network was not constructed
        return None
    leaves = width_leaves(construction.arguments, goal.image_shape[0])
    rebuilding = Rebuilding(build=build, construction=construction, goal=goal)
    found: list[Attempt] = []
    hopeless: set[str] = set()
    for scaling in _scalings(leaves):
        kind = "width" if "width" in scaling.scaled else "factor"
        if kind in hopeless or rebuilding.builds > _MOST_BUILDS:
            continue
        for attempt in _attempts(scaling, leaves, rebuilding):
            if attempt.fits(goal):
                return attempt
            found.append(attempt)
            if attempt.unevenness > _HOPELESS and not rebuilding.refused:
                hopeless.add(kind)
    nearest = sorted(found, key=lambda each: _misfit(each, goal))
    tuned = (tune_ratios(each, construction.arguments, rebuilding) for each in nearest[:2])
    return next((each for each in (*tuned, *nearest) if each is not None), None)


def _misfit(attempt: Attempt, goal: Goal) -> float:
    """How far an attempt is from the goal: above 1 where it does not fit."""
    return max(attempt.error / goal.tolerance, attempt.unevenness / MOST_UNEVEN)


def _scalings(leaves: list[Leaf]) -> Iterator[Scaling]:
    """What may be scaled, the likeliest first, without scalings that come to the same."""
    known = {leaf.meaning for leaf in leaves}
    widths = [leaf.name for leaf in leaves if leaf.meaning == "width"]
    ways = [(True, False)]
    ways += [(True, True)] if len(set(widths)) < len(widths) else []
    ways += [(False, False)] if known & {"count", "unit"} else []
    for counted, tied in ways:
        for scaled in dict.fromkeys(frozenset(meanings & known) for meanings in _MEANINGS):
            if scaled & {"width", "factor"}:
                yield Scaling(scaled=scaled, grain=1, counted=counted, tied=tied)


def _attempts(scaling: Scaling, leaves: list[Leaf], rebuilding: Rebuilding) -> Iterator[Attempt]:
    """The best attempt of each grain; none of a scaling that leaves stages as they are."""
    start = rebuilding.goal.into**-0.5
    running = _that_runs(scaling, leaves, rebuilding)
    if running is None:
        return
    probe = rebuilding.attempt(running.changes(leaves, start))
    if running.grain == 1 and probe is not None and probe.unevenness > _HOPELESS:
        yield probe
        return
    widest = max(leaf.value for leaf in leaves if leaf.meaning in ("width", "factor")) * start
    for grain in _GRAINS:
        # A width at half a grain from what it should be has this much more or fewer weights.
        coarse = grain / widest > 2 * rebuilding.goal.tolerance
        if grain <= running.grain or not coarse or (grain > 8 and rebuilding.refused):
            yield from _best_multiplier(replace(running, grain=grain), leaves, rebuilding)


def _that_runs(scaling: Scaling, leaves: list[Leaf], rebuilding: Rebuilding) -> Scaling | None:
    """The scaling with a grain at which the network runs, and without a leaf that stops it."""
    names = dict.fromkeys(leaf.name for leaf in leaves if leaf.meaning in scaling.scaled)
    left_out = [frozenset([name]) for name in names] if len(names) > 1 else []
    tries = [replace(scaling, grain=grain) for grain in (1, 8, 32)]
    tries += [replace(scaling, grain=8, left_out=names) for names in left_out]
    start = rebuilding.goal.into**-0.5
    return next((each for each in tries if rebuilding.runs(each.changes(leaves, start))), None)


def _best_multiplier(scaling: Scaling, leaves: list[Leaf], rebuilding: Rebuilding) -> list[Attempt]:
    """The best of few multipliers, each a better guess than those before; empty if none runs."""
    goal = rebuilding.goal
    multiplier, low, high = goal.into**-0.5, 0.0, 1.0
    found: list[Attempt] = []
    below: Attempt | None = None
    above: Attempt | None = None
    for _ in range(_MOST_STEPS):
        attempt = rebuilding.attempt(scaling.changes(leaves, multiplier))
        if attempt is None:
            break
        found.append(attempt)
        if attempt.error <= _CLOSE:
            break
        size = _size(attempt)
        if size < 1:
            low, below = multiplier, attempt
        else:
            high, above = multiplier, attempt
        # Weights and MACs grow with about the square of the widths.
        guess = multiplier * size**-0.5
        multiplier = guess if low < guess < high else (low + high) / 2
    if below and above and not any(each.fits(goal) for each in found):
        found += _between(below, above, leaves, rebuilding)
    ranked = sorted(found, key=lambda each: _misfit(each, goal))
    return [each for each in ranked if rebuilding.runs(each.changes["arguments"])][:1]


def _between(
    below: Attempt, above: Attempt, leaves: list[Leaf], rebuilding: Rebuilding
) -> list[Attempt]:
    """Attempts of which some widths are one's and the rest the other's, nearer and nearer.

    Where all widths round alike no multiplier comes between two attempts.
    """
    values = {leaf.path: leaf.value for leaf in leaves}
    small, large = (_new_values(each) for each in (below, above))
    different = sorted({values[path] for path in values if small.get(path) != large.get(path)})
    found, low, high = [], 0, len(different)
    while high - low > 1:
        middle = (low + high) // 2
        narrowed = different[:middle]
        mixed = {path: (small if values[path] in narrowed else large).get(path) for path in values}
        changes = [(list(path), value) for path, value in mixed.items() if value is not None]
        attempt = rebuilding.attempt(changes)
        if attempt is None:
            break
        found.append(attempt)
        low, high = (middle, high) if _size(attempt) > 1 else (low, middle)
    return found


def _size(attempt: Attempt) -> float:
    """S times its costs over the large network's, in the geometric mean."""
    return prod(attempt.ratios.values()) ** (1 / len(attempt.ratios))


def _new_values(attempt: Attempt) -> dict[tuple[str | int, ...], Any]:
    return {tuple(path): value for path, value in attempt.changes["arguments"]}
