"""The map from the large network's channel counts to a narrow one's, under divisibility."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import floor, gcd, lcm

from cotrain.basics.errors import ConfigError

# Fewer channels are an image's colours, or single numbers.
FEWEST = 4


@dataclass(frozen=True, kw_only=True)
class WidthMap:
    """f(v): ``multiplier * v``, rounded to a multiple of v's quantum, at least one quantum.

    Widths that the network adds, concatenates or splits have a grid m: their multiplier is a
    multiple of 1 / m, so that f is linear on the multiples of m, and the sums stay consistent.

    Args:
        multiplier: Wanted ratio of a narrow width to a large one.
        quanta: What f(v) must be a multiple of (heads, groups); 1 where not given.
        grids: The grid m of single v.
        lean: Added before the multiple of 1 / m is rounded: -0.5 rounds down, 0.5 up.
        sums: Widths whose parts differ, and these: f of the whole is the sum of f of the parts,
            of which the smallest stay.
        fixed: f(v) for single v, whatever the multiplier: a user's own widths.
    """

    multiplier: float
    quanta: Mapping[int, int] = field(default_factory=dict)
    grids: Mapping[int, int] = field(default_factory=dict)
    lean: float = 0.0
    sums: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    fixed: Mapping[int, int] = field(default_factory=dict)

    def __call__(self, width: int) -> int:
        if width < FEWEST:
            return width
        if width in self.fixed:
            return self.fixed[width]
        if width in self.sums:
            return sum(each if each * 16 < width else self(each) for each in self.sums[width])
        quantum, ratio = self.quanta.get(width, 1), self.multiplier
        if width in self.grids and ratio != 1:
            grid = self.grids[width]
            ratio = max(1, floor(ratio * grid + 0.5 + self.lean)) / grid
        # Halves round up: the same on both sides of a sum.
        return quantum * max(1, floor(ratio * width / quantum + 0.5))


def fixed_widths(
    widths: Mapping[int, int] | Callable[[int], int] | None, large: Iterable[int]
) -> dict[int, int]:
    """A user's own map of widths as numbers.

    Raises:
        ConfigError: A width that the large network does not have, or that is not positive.
    """
    if widths is None:
        return {}
    known = sorted(set(large))
    chosen = {v: widths(v) for v in known} if callable(widths) else dict(widths)
    for width, narrow in chosen.items():
        if width not in known or narrow < 1:
            raise ConfigError(
                f"widths[{width}]={narrow}: give positive widths for some of the large network's "
                f"own, {known}"
            )
    return chosen


def related_quanta(
    quanta: Mapping[int, int], multiples: Iterable[tuple[int, int]]
) -> dict[int, int]:
    """Quanta such that f(k * v) = k * f(v) for the pairs (v, k * v).

    Args:
        quanta: Quanta that heads and groups ask for.
        multiples: Pairs of a width and a multiple of it that the network splits into such parts.
    """
    found = dict(quanta)
    pairs = sorted(set(multiples))
    for _ in range(4):  # a chain of multiples is settled after as many rounds as it is long
        before = dict(found)
        for width, multiple in pairs:
            ratio = multiple // width
            coarse = found.get(multiple, 1)
            quantum = lcm(found.get(width, 1), coarse // gcd(coarse, ratio))
            if width % quantum or width // quantum < 4:
                continue
            found[width], found[multiple] = quantum, ratio * quantum
        if found == before:
            break
    return found
