"""Which candidate of a pilot is ahead, and by how much: of every pair, corrected for all pairs.

Shapes: K seeds, N images.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from cotrain.basics.errors import ConfigError
from cotrain.comparison.accuracy.power import Power, power_of
from cotrain.comparison.accuracy.statistics import (
    LEVEL,
    Difference,
    corrected,
    mean_difference,
)


@dataclass(frozen=True, kw_only=True)
class Lead:
    """The candidate with the lowest error, and how far the others are behind it.

    Args:
        leader: Its name.
        rival: The one with the next lowest error.
        behind: Error of each other one less the leader's, in points, by name; above 0 they are
            behind. Corrected for all pairs, as the leader is chosen by the same images.
        power: What these runs can show of the leader and its rival; None of one seed.
    """

    leader: str
    rival: str
    behind: Mapping[str, Difference]
    power: Power | None

    @property
    def gap(self) -> Difference:
        """How far the rival is behind."""
        return self.behind[self.rival]

    @property
    def is_clear(self) -> bool:
        """Whether the leader is ahead of its rival by more than chance, over several seeds."""
        return is_clear(self.gap)

    @property
    def clearly_behind(self) -> tuple[str, ...]:
        """Those that are behind by more than chance."""
        return tuple(name for name, each in self.behind.items() if is_clear(each))


def is_clear(difference: Difference) -> bool:
    """Whether other seeds and images would show it too; one seed does not say so."""
    return difference.adjusted < LEVEL and difference.over != "images"


def lead_of(errors: Mapping[str, np.ndarray]) -> Lead:
    """Who is ahead.

    Args:
        errors: 100 where an answer is wrong, else 0 [K, N], of two candidates or more; the first
            of two with equal errors is ahead.

    Raises:
        ConfigError: There is nobody to be ahead of.
    """
    if len(errors) < 2:
        raise ConfigError("one candidate alone is not ahead of any: give several S")
    order = sorted(errors, key=lambda name: errors[name].mean())
    pairs = list(combinations(order, 2))
    found = corrected([mean_difference(errors[worse] - errors[better]) for better, worse in pairs])
    by_pair = dict(zip(pairs, found, strict=True))
    leader, rival = order[:2]
    return Lead(
        leader=leader,
        rival=rival,
        behind={name: by_pair[leader, name] for name in order[1:]},
        power=power_of(by_pair[leader, rival]),
    )
