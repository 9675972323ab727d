"""What a comparison can show, and what would show a difference as large as the one that was seen.

Shapes: K seeds, N images.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace

from scipy.special import nctdtrinc, stdtrit

from cotrain.comparison.accuracy.statistics import LEVEL, Difference, Variance

POWER = 0.8  # how often a true difference is to be shown
_MOST_SEEDS = 1000
_MOST_IMAGES = 10_000  # times as many as there are


@dataclass(frozen=True, kw_only=True)
class Power:
    """What it takes to call a difference clear in 4 of 5 comparisons.

    The variances are estimated, of few seeds badly: the numbers are rough.

    Args:
        detectable: The smallest true difference that so many seeds and images show.
        seeds: So many seeds show a true difference as large as the one that was seen, on as many
            images; None where no number up to 1,000 does.
        images: So many images do, with as many seeds; None where no 10,000 times as many do.
    """

    detectable: float
    seeds: int | None
    images: int | None


def power_of(difference: Difference) -> Power | None:
    """What a comparison can show; None of one seed, which does not say how seeds differ."""
    variance, level = difference.variance, LEVEL / difference.compared
    if variance.seeds == 1:
        return None
    seen = abs(difference.mean)

    def shows(seeds: int, images: int) -> bool:
        return 0 < seen >= detectable(with_more(variance, seeds, images), level)

    return Power(
        detectable=detectable(with_more(variance, variance.seeds, variance.images), level),
        seeds=_smallest(lambda seeds: shows(seeds, variance.images), _MOST_SEEDS),
        images=_smallest(
            lambda images: shows(variance.seeds, images), _MOST_IMAGES * variance.images
        ),
    )


def _smallest(enough: Callable[[int], bool], most: int) -> int | None:
    """The smallest number from 2 on that is enough, as all larger ones are."""
    numbers = range(2, most + 1)
    place = bisect_left(numbers, True, key=enough)
    return numbers[place] if place < len(numbers) else None


def with_more(variance: Variance, seeds: int, images: int) -> Variance:
    """The variance that so many seeds and images would have."""
    fewer_seeds, fewer_images = variance.seeds / seeds, variance.images / images
    of_seeds_alone = max(variance.of_seeds - variance.chance, 0.0) * fewer_seeds
    chance = variance.chance * fewer_seeds * fewer_images
    return replace(
        variance,
        seeds=seeds,
        images=images,
        of_seeds=of_seeds_alone + chance,
        of_images=variance.of_images * fewer_images,
        chance=chance,
    )


def detectable(variance: Variance, level: float = LEVEL) -> float:
    """The smallest true difference that a test of this level shows 4 times in 5."""
    critical = stdtrit(variance.freedom, 1 - level / 2)
    return float(nctdtrinc(variance.freedom, 1 - POWER, critical)) * variance.error
