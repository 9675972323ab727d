"""How often the interval of a comparison holds the truth: ``python benchmarks/intervals.py``.

Two candidates are compared whose true difference is known: it is 0. Every image has a difficulty of
its own, every seed shifts the networks that it trains, and chance does the rest. A 95 % interval
shall hold the truth in 93 to 97 % of the simulations, whatever the part of the seeds is.

Shapes: K seeds, N images.
"""

from dataclasses import asdict, dataclass

import numpy as np
from common import write_results
from scipy.special import ndtri

from cotrain.comparison.accuracy.statistics import mean_difference

SIMULATIONS, SEEDS, IMAGES = 10_000, (2, 3, 5), (200, 1000)


@dataclass(frozen=True, kw_only=True)
class Likelihoods:
    """Differences that are normal.

    Args:
        seeds: Standard deviation of a seed's shift, in standard errors of the mean over the images.
        rest: Standard deviation of what is neither the seed's nor the image's; the images' is 1.
    """

    seeds: float
    rest: float

    def draw(self, seeds: int, images: int, generator: np.random.Generator) -> np.ndarray:
        """Differences [K, N]."""
        of_seed = self.seeds / np.sqrt(images) * generator.normal(size=(seeds, 1))
        rest = self.rest * generator.normal(size=(seeds, images))
        return of_seed + generator.normal(size=images) + rest


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Differences of errors: a network is wrong where the image's difficulty is above its strength.

    Args:
        seeds: Standard deviation of the networks' strength over the seeds; the images' is 1.
        rest: Standard deviation of what is neither the seed's nor the image's.
        wrong: Share of the images that are answered wrongly.
    """

    seeds: float
    rest: float
    wrong: float

    def draw(self, seeds: int, images: int, generator: np.random.Generator) -> np.ndarray:
        """Differences [K, N] in points of percent."""
        strength = ndtri(1 - self.wrong) * np.sqrt(1 + self.rest**2 + self.seeds**2)
        strengths = strength + self.seeds * generator.normal(size=(2, seeds, 1))
        rest = self.rest * generator.normal(size=(2, seeds, images))
        first, second = generator.normal(size=images) + rest > strengths
        return 100.0 * first - 100.0 * second


CASES: dict[str, Likelihoods | Errors] = {
    "likelihood, seeds have no effect": Likelihoods(seeds=0, rest=1),
    "likelihood, seeds have no effect, little chance": Likelihoods(seeds=0, rest=0.3),
    "likelihood, seeds have no effect, much chance": Likelihoods(seeds=0, rest=3),
    "likelihood, seeds as much as images": Likelihoods(seeds=1, rest=1),
    "likelihood, seeds 3 times images": Likelihoods(seeds=3, rest=1),
    "likelihood, seeds 30 times images": Likelihoods(seeds=30, rest=1),
    "errors, seeds have no effect": Errors(seeds=0, rest=0.5, wrong=0.15),
    "errors, seeds have a small effect": Errors(seeds=0.05, rest=0.5, wrong=0.15),
    "errors, seeds have a large effect": Errors(seeds=0.3, rest=0.5, wrong=0.15),
}


def coverage(case: Likelihoods | Errors, seeds: int, images: int, simulations: int) -> float:
    """Share of the simulated comparisons whose interval holds the true difference."""
    generator = np.random.default_rng(0)
    found = (mean_difference(case.draw(seeds, images, generator)) for _ in range(simulations))
    return sum(each.low <= 0 <= each.high for each in found) / simulations


def main() -> None:
    """Every case with every number of seeds and images."""
    rows = [
        {"case": name, "settings": asdict(case), "seeds": seeds, "images": images}
        | {"coverage": coverage(case, seeds, images, SIMULATIONS)}
        for name, case in CASES.items()
        for seeds in SEEDS
        for images in IMAGES
    ]
    print(write_results("intervals", {"simulations": SIMULATIONS, "rows": rows}))


if __name__ == "__main__":
    main()
