"""Mean, spread, and whether a difference between two candidates is more than chance.

Shapes: K seeds, N images.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import stdtr, stdtridf, stdtrit

LEVEL = 0.05  # of the tests; intervals leave as much outside
BETTER, WORSE = "clearly better", "clearly worse"


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A quantity measured with several seeds.

    Args:
        mean: Mean over the seeds.
        std: Standard deviation over the seeds (n - 1 degrees of freedom); None for one seed.
    """

    mean: float
    std: float | None


@dataclass(frozen=True, kw_only=True)
class Variance:
    """The variance of a mean over seeds and images, in its parts.

    Args:
        seeds: K.
        images: N.
        of_seeds: What falls with more seeds; 0 of one seed, which does not show it.
        of_images: What falls with more images.
        chance: The part of ``of_seeds`` that falls with more images too.
    """

    seeds: int
    images: int
    of_seeds: float
    of_images: float
    chance: float

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return float(np.sqrt(self.of_seeds + self.of_images))

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the Student t that the mean follows, in standard errors.

        The multiple of the standard error that a 95 % interval takes goes from Student's t of the
        images to that of the seeds, by the seeds' share of the variance. The share itself (Cochran
        and Cox, Experimental Designs, 1957) makes intervals of two seeds hold the truth up to
        97.8 % of the time. This curve keeps to 93.2 to 96.6 % with two seeds, and nearer to 95 %
        with more: ``benchmarks/intervals.py``.
        """
        of_images = float(stdtrit(self.images - 1, 1 - LEVEL / 2))
        if not self.of_seeds:
            return float(self.images - 1)
        share = self.of_seeds / (self.of_seeds + self.of_images)
        of_seeds = float(stdtrit(self.seeds - 1, 1 - LEVEL / 2))
        multiple = of_images + (share * (2 - share)) ** 2 * (of_seeds - of_images)
        return float(stdtridf(1 - LEVEL / 2, multiple))


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A quantity of one candidate less that of another, with its 95 % interval.

    Args:
        mean: Mean over seeds and images; below 0 the first candidate has less.
        low: Lower end of the interval.
        high: Upper end of the interval.
        p: How often chance alone makes a difference as large as this one.
        adjusted: The same, corrected for the other candidates that were compared (Holm).
        over: What the interval is for: other seeds and images like these, or, where there is one
            seed, other images alone: it says nothing of other seeds then.
        compared: How many candidates were compared.
        variance: Of the mean.
    """

    mean: float
    low: float
    high: float
    p: float
    adjusted: float
    over: Literal["seeds and images", "images"]
    compared: int
    variance: Variance

    @property
    def direction(self) -> str:
        """What the corrected test says of the first candidate, where less is better.

        Better or worse is said of candidates, not of one training of each.
        """
        if self.adjusted >= LEVEL:
            return "no clear difference"
        if self.over == "images":
            return "lower with this seed" if self.mean < 0 else "higher with this seed"
        return BETTER if self.mean < 0 else WORSE


def spread(values: Sequence[float] | np.ndarray) -> Spread:
    """Mean and standard deviation of one value a seed."""
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(mean=float(np.mean(values)), std=std)


def mean_difference(differences: np.ndarray) -> Difference:
    """The difference of two means, such as two errors.

    Args:
        differences: First candidate less second, for every seed and image [K, N], N at least 2.
    """
    images = differences.shape[1]
    covariance = np.atleast_2d(np.cov(differences)) / images
    return difference(differences.mean(1), covariance, images)


def difference(values: np.ndarray, covariance: np.ndarray, images: int) -> Difference:
    """A difference of two candidates, with the interval that holds the true one 19 times in 20.

    Seeds and images are crossed: a seed may shift the difference on all images, an image that of
    all seeds, and the rest is chance. The variance of the mean is the sum of that of the seeds'
    values and that of the images less what chance adds to the latter (Searle, Casella and
    McCulloch, Variance Components, 1992, chapter 4). One seed gives the t interval over images.

    Args:
        values: First candidate less second, for every seed [K].
        covariance: Of the values, over other images [K, K].
        images: N, at least 2.
    """
    seeds, mean = len(values), float(values.mean())
    of_seeds, of_images, chance = 0.0, covariance.mean(), 0.0
    if seeds > 1:
        of_seeds = values.var(ddof=1) / seeds
        chance = (covariance.diagonal().mean() - of_images) / (seeds - 1)
        of_images = max(of_images - chance, 0.0)
        # Seeds that agree to the last image do so by luck: they differ by chance at least.
        of_seeds = of_seeds if of_seeds + of_images else max(chance, 0.0)
    variance = Variance(
        seeds=seeds,
        images=images,
        of_seeds=float(of_seeds),
        of_images=float(of_images),
        chance=float(chance),
    )
    margin = float(stdtrit(variance.freedom, 1 - LEVEL / 2)) * variance.error
    p = _probability(mean, variance)
    return Difference(
        mean=mean,
        low=mean - margin,
        high=mean + margin,
        p=p,
        adjusted=p,
        over="seeds and images" if seeds > 1 else "images",
        compared=1,
        variance=variance,
    )


def _probability(mean: float, variance: Variance) -> float:
    """How often chance alone is as far from 0, in both directions.

    N images with the same difference, which have no variance, do not show more than N coins that
    all fall to the same side.
    """
    if mean == 0:
        return 1.0
    error = variance.error
    by_t = 2 * float(stdtr(variance.freedom, -abs(mean) / error)) if error else 0.0
    return max(by_t, 2.0 ** (1 - variance.images))


def corrected(differences: Sequence[Difference]) -> list[Difference]:
    """The differences of candidates that are compared with one and the same, each corrected.

    Among those that are said to be clear, one or more are chance about 1 time in 20 (Holm,
    Scandinavian Journal of Statistics 6, 1979); of two seeds up to 1 time in 12.
    """
    order = np.argsort([each.p for each in differences], kind="stable")
    found, least = list(differences), 0.0
    for place, index in enumerate(order):
        left = len(differences) - place
        least = max(least, min(1.0, left * differences[index].p))
        found[index] = replace(differences[index], adjusted=least, compared=len(differences))
    return found
