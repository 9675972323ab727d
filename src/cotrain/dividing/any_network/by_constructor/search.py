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
from cotrain.dividing.any_network.by_constructor.widths import Leaf, Role, Rule, width_leaves
from cotrain.dividing.any_network.target import MOST_UNEVEN, Candidate, Target
from cotrain.networks.foreign.narrow.arguments import constructor_arguments

# Heads stay as many and become narrower; or they become fewer of the same width; or both stay.
_ROLES: tuple[set[Role], ...] = ({"width", "unit"}, {"width", "count"}, {"width"}, {"factor"})
# Multiples of 8 suit the hardware; finer ones meet the budget better. Coarser ones may be what a
# network needs whose heads or groups no argument tells.
_GRAINS = (8, 4, 2, 1, 16, 32)
_MOST_STEPS = 8
_MOST_BUILDS = 30
# Nearer to the budget than this is not worth another build.
_CLOSE = 0.01
# Rounding makes stages uneven by less than this: more comes of widths that no argument tells.
_HOPELESS = 1.1 * MOST_UNEVEN


def divide_by_constructor(build: Callable[[], nn.Module], target: Target) -> Candidate | None:
    """The best candidate of smaller widths, or None if no arguments make one that runs.

    It may not fit the target: its ratios and unevenness say how far it is off.

    Args:
        build: Makes the large network; see ``cotrain.networks.foreign.names.builder_of``.
        target: What the candidate must keep to.
    """
    try:
        construction = constructor_arguments(build)
    except TypeError:  # a copy of a network was not constructed
        return None
    leaves = width_leaves(construction.arguments, target.image_shape[0])
    rebuilding = Rebuilding(build=build, construction=construction, target=target)
    found: list[Candidate] = []
    hopeless: set[str] = set()
    for rule in _rules(leaves):
        kind = "width" if "width" in rule.scaled else "factor"
        if kind in hopeless or rebuilding.builds > _MOST_BUILDS:
            continue
        for candidate in _candidates(rule, leaves, rebuilding):
            if candidate.fits(target):
                return candidate
            found.append(candidate)
            if candidate.unevenness > _HOPELESS and not rebuilding.refused:
                hopeless.add(kind)
    nearest = sorted(found, key=lambda each: _misfit(each, target))
    tuned = (tune_ratios(each, construction.arguments, rebuilding) for each in nearest[:2])
    return next((each for each in (*tuned, *nearest) if each is not None), None)


def _misfit(candidate: Candidate, target: Target) -> float:
    """How far a candidate is from the target: above 1 where it does not fit."""
    return max(candidate.error / target.tolerance, candidate.unevenness / MOST_UNEVEN)


def _rules(leaves: list[Leaf]) -> Iterator[Rule]:
    """What may be scaled, the likeliest first, without rules that come to the same."""
    known = {leaf.role for leaf in leaves}
    widths = [leaf.name for leaf in leaves if leaf.role == "width"]
    ways = [(True, False)]
    ways += [(True, True)] if len(set(widths)) < len(widths) else []
    ways += [(False, False)] if known & {"count", "unit"} else []
    for counted, tied in ways:
        for scaled in dict.fromkeys(frozenset(roles & known) for roles in _ROLES):
            if scaled & {"width", "factor"}:
                yield Rule(scaled=scaled, grain=1, counted=counted, tied=tied)


def _candidates(rule: Rule, leaves: list[Leaf], rebuilding: Rebuilding) -> Iterator[Candidate]:
    """The best candidate of each grain; none of a rule that leaves stages as they are."""
    start = rebuilding.target.into**-0.5
    running = _that_runs(rule, leaves, rebuilding)
    if running is None:
        return
    probe = rebuilding.candidate(running.changes(leaves, start))
    if running.grain == 1 and probe is not None and probe.unevenness > _HOPELESS:
        yield probe
        return
    widest = max(leaf.value for leaf in leaves if leaf.role in ("width", "factor")) * start
    for grain in _GRAINS:
        # A width at half a grain from what it should be has this much more or fewer weights.
        coarse = grain / widest > 2 * rebuilding.target.tolerance
        if grain <= running.grain or not coarse or (grain > 8 and rebuilding.refused):
            yield from _best_multiplier(replace(running, grain=grain), leaves, rebuilding)


def _that_runs(rule: Rule, leaves: list[Leaf], rebuilding: Rebuilding) -> Rule | None:
    """The rule with a grain at which the network runs, and without a leaf that stops it."""
    names = dict.fromkeys(leaf.name for leaf in leaves if leaf.role in rule.scaled)
    left_out = [frozenset([name]) for name in names] if len(names) > 1 else []
    tries = [replace(rule, grain=grain) for grain in (1, 8, 32)]
    tries += [replace(rule, grain=8, left_out=names) for names in left_out]
    start = rebuilding.target.into**-0.5
    return next((each for each in tries if rebuilding.runs(each.changes(leaves, start))), None)


def _best_multiplier(rule: Rule, leaves: list[Leaf], rebuilding: Rebuilding) -> list[Candidate]:
    """The best of few multipliers, each a better guess than those before; empty if none runs."""
    target = rebuilding.target
    multiplier, low, high = target.into**-0.5, 0.0, 1.0
    found: list[Candidate] = []
    below: Candidate | None = None
    above: Candidate | None = None
    for _ in range(_MOST_STEPS):
        candidate = rebuilding.candidate(rule.changes(leaves, multiplier))
        if candidate is None:
            break
        found.append(candidate)
        if candidate.error <= _CLOSE:
            break
        size = _size(candidate)
        if size < 1:
            low, below = multiplier, candidate
        else:
            high, above = multiplier, candidate
        # Weights and MACs grow with about the square of the widths.
        guess = multiplier * size**-0.5
        multiplier = guess if low < guess < high else (low + high) / 2
    if below and above and not any(each.fits(target) for each in found):
        found += _between(below, above, leaves, rebuilding)
    ranked = sorted(found, key=lambda each: _misfit(each, target))
    return [each for each in ranked if rebuilding.runs(each.changes["arguments"])][:1]


def _between(
    below: Candidate, above: Candidate, leaves: list[Leaf], rebuilding: Rebuilding
) -> list[Candidate]:
    """Candidates of which some widths are one's and the rest the other's, nearer and nearer.

    Where all widths round alike no multiplier comes between two candidates.
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
        candidate = rebuilding.candidate(changes)
        if candidate is None:
            break
        found.append(candidate)
        low, high = (middle, high) if _size(candidate) > 1 else (low, middle)
    return found


def _size(candidate: Candidate) -> float:
    """S times its costs over the large network's, in the geometric mean."""
    return prod(candidate.ratios.values()) ** (1 / len(candidate.ratios))


def _new_values(candidate: Candidate) -> dict[tuple[str | int, ...], Any]:
    return {tuple(path): value for path, value in candidate.changes["arguments"]}
