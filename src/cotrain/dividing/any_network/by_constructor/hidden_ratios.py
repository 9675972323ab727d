"""The last few percent of a budget: how many times wider a block is inside than outside."""

from collections.abc import Mapping
from typing import Any

from cotrain.dividing.any_network.by_constructor.rebuilding import Rebuilding
from cotrain.dividing.any_network.goal import MOST_UNEVEN, Attempt
from cotrain.networks.foreign.narrow.arguments import Path, leaves
from cotrain.networks.foreign.vocabulary import is_hidden_ratio

_MOST_STEPS = 4
# Hidden layers are at most so much narrower or wider than the other widths ask.
_LEAST, _MOST = 0.8, 1.25
# About this share of a network's weights is in its hidden layers.
_SHARE = 0.6


def tune_ratios(
    attempt: Attempt, arguments: Mapping[str, Any], rebuilding: Rebuilding
) -> Attempt | None:
    """The attempt with hidden layers a little narrower or wider, if that makes it fit.

    Widths that must be multiples of many heads or groups may come no nearer to the budget.

    Args:
        attempt: Uniform, and near to the budget.
        arguments: The large network's.
        rebuilding: What builds it.
    """
    ratios = [(path, value) for path, value in leaves(arguments) if _is_ratio(path, value)]
    if not ratios or attempt.error > 0.25 or attempt.unevenness > MOST_UNEVEN:
        return None
    factor, found = 1.0, attempt
    for _ in range(_MOST_STEPS):
        worst = max(found.ratios.values(), key=lambda ratio: abs(ratio - 1))
        factor = min(max(factor * (1 + (1 / worst - 1) / _SHARE), _LEAST), _MOST)
        scaled = [(list(path), value * factor) for path, value in ratios]
        tuned = rebuilding.attempt([*attempt.changes["arguments"], *scaled])
        if tuned is None:
            return None
        if tuned.fits(rebuilding.goal):
            return tuned if rebuilding.runs(tuned.changes["arguments"]) else None
        found = tuned
    return None


def _is_ratio(path: Path, value: int | float) -> bool:
    name = [key for key in path if isinstance(key, str)][-1]
    return is_hidden_ratio(name) and 1 < value <= 8
