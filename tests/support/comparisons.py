"""Results of comparisons that nothing was trained for."""

from typing import Any

from cotrain.basics.machine import hardware
from cotrain.comparison.accuracy.candidate_result import METRICS, CandidateResult, Contrast, Quality
from cotrain.comparison.accuracy.compare import Comparison
from cotrain.comparison.accuracy.power import Power
from cotrain.comparison.accuracy.statistics import Difference, Spread, Variance
from cotrain.config import Experiment
from cotrain.ensemble.cost import Cost
from cotrain.execution.timing import Latency

POWER = Power(detectable=0.92, seeds=7, images=3456)


def difference(
    mean: float = -0.5, adjusted: float = 0.5, *, seeds: int = 3, compared: int = 1
) -> Difference:
    """A difference with an interval of 1 to each side."""
    return Difference(
        mean=mean,
        low=mean - 1,
        high=mean + 1,
        p=adjusted / compared,
        adjusted=adjusted,
        over="images" if seeds == 1 else "seeds and images",
        compared=compared,
        variance=Variance(seeds=seeds, images=1597, of_seeds=0.1, of_images=0.1, chance=0.0),
    )


def contrast(
    name: str,
    error: Difference,
    *,
    nll: Difference | None = None,
    power: Power | None = POWER,
    calibrated: bool = False,
) -> Contrast:
    """A difference in error to a candidate; those of other scores are as large."""
    differences = dict.fromkeys(METRICS, error) | ({"nll": nll} if nll else {})
    return Contrast(
        name=name,
        calibrated=calibrated,
        differences=differences,
        power=dict.fromkeys(METRICS, power if error.over != "images" else None),
    )


def quality(error: float, std: float | None = 0.5) -> Quality:
    """An error in percent; the other scores are always the same."""
    small = None if std is None else 0.0123
    return Quality(
        error=Spread(mean=error, std=std),
        nll=Spread(mean=0.0625, std=small),
        brier=Spread(mean=0.125, std=small),
        ece=Spread(mean=0.03125, std=small),
        aurc=Spread(mean=0.375, std=small),
        coverage=Spread(mean=98.5, std=std),
    )


def result(name: str, into: int, error: float, **changes: Any) -> CandidateResult:
    """A result at equal cost; ``ratio`` is that of params and MACs, ``std`` that over seeds."""
    ratio, std = changes.pop("ratio", 1.0), changes.pop("std", 0.5)
    cost = Cost(
        params=int(308_074 * ratio),
        macs=int(2_895_936 * ratio),
        params_ratio=ratio,
        macs_ratio=ratio,
        equal=0.85 <= ratio <= 1.15,
    )
    given: dict[str, Any] = {
        "slug": name.lower().replace("=", "").replace(" ", "-"),
        "weight": 0.5,
        "given": quality(error, std),
        "calibrated": None,
        "single_error": Spread(mean=2.75, std=std),
        "disagreement": Spread(mean=3.3, std=std) if into > 1 else None,
        "errors": (error,),
        "nlls": (0.0625,),
        "cascade": None,
        "to_large": None,
        "to_independent": None,
        "latencies": tuple(
            Latency(name=name, batch_size=size, rounds=20, median_ms=size * 1.5, spread_ms=0.1)
            for size in (1, 64)
        ),
        "seconds": 23.4,
    }
    return CandidateResult(name=name, into=into, cost=cost, **(given | changes))


def comparison(*results: CandidateResult, **changes: Any) -> Comparison:
    """A comparison of three seeds on 1,597 images."""
    given: dict[str, Any] = {
        "verdict": ("One thing.", "Another."),
        "seeds": (0, 1, 2),
        "left_out": (),
        "calibrated_on": 0,
        "not_calibrated": "there are no images",
    }
    return Comparison(
        candidates=results,
        experiment=Experiment(),
        images=1597,
        machine=hardware(),
        device="cpu",
        threads=2,
        jobs=2,
        training_threads=(1,),
        **(given | changes),
    )
