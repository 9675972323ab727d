"""Mean, spread, and whether a difference between two candidates is more than chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

_VALUES = 10_000_000  # differences that a part of the bootstrap holds at once: 80 MB


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
class Difference:
    """A quantity of one candidate less that of another, with its 95 % interval.

    Args:
        mean: Mean over seeds and images; below 0 the first candidate has less.
        low: Lower end of the interval.
        high: Upper end of the interval.
    """

    mean: float
    low: float
    high: float

    @property
    def direction(self) -> Literal["better", "no clear difference", "worse"]:
        """What the interval says of the first candidate, where less is better."""
        if self.low <= 0 <= self.high:
            return "no clear difference"
        return "better" if self.high < 0 else "worse"


def spread(values: Sequence[float] | np.ndarray) -> Spread:
    """Mean and standard deviation of one value a seed."""
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(mean=float(np.mean(values)), std=std)


def paired_bootstrap(
    differences: np.ndarray, *, resamples: int = 2000, seed: int = 0
) -> Difference:
    """Mean difference of two candidates, and the percentile interval that holds it 19 times in 20.

    Seeds and images are drawn anew with replacement, each image with all its seeds: the
    candidates stay paired. With few seeds the interval is a little too narrow, and with one seed
    it says nothing about other seeds. Source: Efron and Tibshirani, An Introduction to the
    Bootstrap, 1993, chapter 13.

    Args:
        differences: First candidate less second, for every seed and image [K, N].
        resamples: How many draws.
        seed: Seed of the draws.
    """
    generator = np.random.default_rng(seed)
    seeds, images = differences.shape
    rows = max(1, _VALUES // (seeds * images))
    parts = [
        differences[:, generator.integers(images, size=(min(rows, resamples - start), images))]
        .mean(-1)
        .T
        for start in range(0, resamples, rows)
    ]
    drawn = generator.integers(seeds, size=(resamples, seeds))
    means = np.take_along_axis(np.concatenate(parts), drawn, axis=1).mean(-1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Difference(mean=float(differences.mean()), low=float(low), high=float(high))
