"""How often a comparison is right: ``python benchmarks/intervals.py``.

Candidates are compared whose true difference is known: it is 0. Every image has a difficulty of
its own, every seed shifts the networks that it trains, and chance does the rest. A 95 % interval
shall hold the truth in 93 to 97 % of the simulations, whatever the part of the seeds is; of several
candidates that are as good as the large network, one or more shall be called clear in no more than
5 %; and a difference of the size that is said to be detectable shall be clear in 80 %.

Shapes: K seeds, N images.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
from common import write_results
from scipy.special import expit, ndtri

from cotrain.comparison.accuracy.power import detectable
from cotrain.comparison.accuracy.resampling import (
    Statistic,
    aurc_on,
    draws,
    ece_on,
    resampled_difference,
)
from cotrain.comparison.accuracy.statistics import Difference, Variance, corrected, mean_difference

SIMULATIONS, SEEDS, IMAGES = 10_000, (2, 3, 5), (200, 1000)
OTHERS, CANDIDATES = 1000, 3  # simulations of what is not an interval of a mean
REPLICATES = 100  # draws of the bootstrap
CLEAR = ("clearly better", "clearly worse")


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
        first, second = self.errors(2, seeds, images, generator)
        return first - second

    def errors(
        self, candidates: int, seeds: int, images: int, generator: np.random.Generator
    ) -> np.ndarray:
        """100 where an image is answered wrongly, else 0, of every candidate [candidates, K, N]."""
        strength = ndtri(1 - self.wrong) * np.sqrt(1 + self.rest**2 + self.seeds**2)
        strengths = strength + self.seeds * generator.normal(size=(candidates, seeds, 1))
        rest = self.rest * generator.normal(size=(candidates, seeds, images))
        return 100.0 * (generator.normal(size=images) + rest > strengths)


@dataclass(frozen=True, kw_only=True)
class Certainties:
    """Answers of which some are too certain: their ECE and AURC are no means of images.

    Args:
        seeds: Standard deviation of the networks' strength, and of the logarithm of how certain
            they are, over the seeds; the images' strength has 2.
        rest: Standard deviation of what is neither the seed's nor the image's.
    """

    seeds: float
    rest: float

    def draw(
        self, seeds: int, images: int, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Confidences, and whether they are wrong, of two candidates [2, K, N]."""
        shifts, sharpness = self.seeds * generator.normal(size=(2, 2, seeds, 1))
        rest = self.rest * generator.normal(size=(2, seeds, images))
        margins = 2 + shifts + 2 * generator.normal(size=images) + rest
        wrong = margins < generator.logistic(size=images)
        return expit(np.abs(margins) * 1.5 * np.exp(sharpness)), wrong


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


CERTAINTIES = {
    "seeds have no effect": Certainties(seeds=0, rest=0.5),
    "seeds have a small effect": Certainties(seeds=0.05, rest=0.5),
    "seeds have a large effect": Certainties(seeds=0.3, rest=0.5),
}
STATISTICS: dict[str, Callable[[np.ndarray, np.ndarray], Statistic]] = {
    "ece": ece_on,
    "aurc": aurc_on,
}


def coverage(case: Likelihoods | Errors, seeds: int, images: int, simulations: int) -> float:
    """Share of the simulated comparisons whose interval holds the true difference."""
    generator = np.random.default_rng(0)
    found = (mean_difference(case.draw(seeds, images, generator)) for _ in range(simulations))
    return sum(each.low <= 0 <= each.high for each in found) / simulations


def resampled_coverage(
    case: Certainties, seeds: int, images: int, simulations: int
) -> dict[str, float]:
    """The same for what is no mean of images: of ECE and of AURC."""
    generator, held = np.random.default_rng(0), dict.fromkeys(STATISTICS, 0)
    once = np.ones((1, images), dtype=int)
    counts = np.concatenate([once, *draws(images, REPLICATES)])
    for _ in range(simulations):
        confidences, wrong = (
            each.reshape(-1, images) for each in case.draw(seeds, images, generator)
        )
        for name, make in STATISTICS.items():
            runs = [make(*run)(counts) for run in zip(confidences, wrong, strict=True)]
            differences = np.stack(runs[:seeds], 1) - np.stack(runs[seeds:], 1)
            found = resampled_difference(differences[0], differences[1:], images)
            held[name] += found.low <= 0 <= found.high
    return {name: int(count) / simulations for name, count in held.items()}


def percentile_coverage(case: Errors, seeds: int, images: int, simulations: int) -> float:
    """The same for the percentiles of a bootstrap that draws seeds as it draws images."""
    generator, held = np.random.default_rng(0), 0
    for _ in range(simulations):
        differences = case.draw(seeds, images, generator)
        of_seeds, of_images = (
            generator.multinomial(size, np.full(size, 1 / size), REPLICATES) / size
            for size in (seeds, images)
        )
        means = ((of_seeds @ differences) * of_images).sum(1)
        low, high = np.quantile(means, [0.025, 0.975])
        held += low <= 0 <= high
    return held / simulations


def false_claims(case: Errors, seeds: int, images: int, simulations: int) -> dict[str, float]:
    """Share of comparisons that call one or more of three equal candidates clear."""
    generator, raw, mended = np.random.default_rng(0), 0, 0
    for _ in range(simulations):
        large, *others = case.errors(CANDIDATES + 1, seeds, images, generator)
        found = [mean_difference(each - large) for each in others]
        raw += any_clear(found)
        mended += any_clear(corrected(found))
    return {"not_corrected": raw / simulations, "corrected": mended / simulations}


def any_clear(found: list[Difference]) -> bool:
    """Whether one is called better or worse."""
    return any(each.direction in CLEAR for each in found)


def power(case: Likelihoods, seeds: int, images: int, simulations: int) -> float:
    """Share of comparisons that call a true difference clear that is said to be detectable."""
    chance = case.rest**2 / seeds / images
    variance = Variance(
        seeds=seeds,
        images=images,
        of_seeds=case.seeds**2 / images / seeds + chance,
        of_images=1 / images,
        chance=chance,
    )
    effect, generator = detectable(variance), np.random.default_rng(0)
    found = [
        mean_difference(effect + case.draw(seeds, images, generator)) for _ in range(simulations)
    ]
    return sum(any_clear([each]) for each in found) / simulations


def main() -> None:
    """Every case with every number of seeds and images."""
    sizes = list(product(SEEDS, IMAGES))
    errors = {name: case for name, case in CASES.items() if isinstance(case, Errors)}
    likelihoods = {name: case for name, case in CASES.items() if isinstance(case, Likelihoods)}

    def rows(cases: Mapping[str, Any], measure: Callable[..., object], times: int) -> list[Any]:
        return [
            {"case": name, "settings": asdict(case), "seeds": seeds, "images": images}
            | {"simulations": times, "found": measure(case, seeds, images, times)}
            for (name, case), (seeds, images) in product(cases.items(), sizes)
        ]

    results = {
        "coverage": rows(CASES, coverage, SIMULATIONS),
        "resampled": rows(CERTAINTIES, resampled_coverage, OTHERS),
        "percentiles": rows(errors, percentile_coverage, OTHERS),
        "false_claims": rows(errors, false_claims, SIMULATIONS // 2),
        "power": rows(likelihoods, power, OTHERS),
    }
    print(write_results("intervals", {"replicates": REPLICATES} | results))


if __name__ == "__main__":
    main()
