"""What makes an ensemble's probabilities right as often as they say; shipped with it.

It is stored beside the weights that it was fitted for, and is refused beside others.
"""

from dataclasses import dataclass
from typing import Literal

from cotrain.basics.errors import ConfigError
from cotrain.config.calibration import FittedOn, SetMethod, Signal
from cotrain.config.combining import Combine
from cotrain.config.limits import (
    PROBABILITY,
    SHARE,
    at_least,
    between,
    bounded,
    check_settings,
    required,
)

CalibrationMethod = Literal["none", "temperature", "temperatures", "weights"]

# A temperature beyond makes every answer certain or every answer even.
COLDEST, HOTTEST = 0.01, 100.0
TEMPERATURE = between(COLDEST, HOTTEST)


@dataclass(frozen=True, kw_only=True)
class PredictionSets:
    """Sets of classes that hold the right one as often as wanted.

    Args:
        method: How strange a class is for an image.
        coverage: How often the set is to hold the right class.
        threshold: The largest strangeness of a class in the set.
    """

    method: SetMethod
    coverage: float = required(SHARE)
    threshold: float = required(between(0, 1000))


@dataclass(frozen=True, kw_only=True)
class Abstention:
    """Answering only where the answer's probability is large enough.

    Args:
        risk: The share of wrong answers that is wanted at most.
        least: The smallest probability of an answer that counts; above 1 none does.
        coverage: Share of the images that it was fitted on that have one.
    """

    risk: float = required(SHARE)
    least: float = required(between(0, 2))
    coverage: float = required(PROBABILITY)


@dataclass(frozen=True, kw_only=True)
class BestSignal:
    """The signal that tells wrong answers best.

    Args:
        name: Which.
        auroc: How often a wrong answer has more of it than a right one.
        errors: How many answers were wrong.
    """

    name: Signal
    auroc: float = required(PROBABILITY)
    errors: int = required(at_least(1))


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How the answers of S networks are combined into probabilities that can be believed.

    The logits of network i are divided by ``temperatures[i]``, then combined with ``weights[i]``,
    and what came of that is divided by ``temperature``.

    Args:
        combine: The way of combining that it was fitted for.
        temperature: Of the combined answer; above 1 it becomes less certain.
        temperatures: Of each network; empty where all are 1.
        weights: Of each network, which sum to 1; empty where all are equal.
        images: How many images it was fitted on.
        fitted_on: Which these were.
        sets: How the answer becomes a set of classes; None where that was not fitted.
        abstention: Where there is no answer; None where that was not fitted.
        signal: What tells wrong answers best; None where none was wrong, or that was not fitted.

    Raises:
        ConfigError: Impossible numbers.
    """

    combine: Combine
    temperature: float = bounded(1.0, TEMPERATURE)
    temperatures: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()
    images: int = required(at_least(1))
    fitted_on: FittedOn = "validation"
    sets: PredictionSets | None = None
    abstention: Abstention | None = None
    signal: BestSignal | None = None

    def __post_init__(self) -> None:
        check_settings(self, "calibration.")
        if not all(TEMPERATURE.holds(each) for each in self.temperatures):
            raise ConfigError(
                f"calibration.temperatures={list(self.temperatures)}: one of them "
                f"{TEMPERATURE.otherwise}"
            )
        if self.weights and (min(self.weights) < 0 or abs(sum(self.weights) - 1) > 1e-6):
            raise ConfigError(
                f"calibration.weights={list(self.weights)} are not shares that sum to 1: "
                "calibrate again"
            )

    @property
    def method(self) -> CalibrationMethod:
        """Which numbers were fitted."""
        if self.weights:
            return "weights"
        if self.temperatures:
            return "temperatures"
        return "none" if self.temperature == 1 else "temperature"

    def check_fits(self, into: int, combine: Combine) -> None:
        """Raise ConfigError unless it is for S networks that are combined in this way."""
        for name, numbers in (("temperatures", self.temperatures), ("weights", self.weights)):
            if len(numbers) not in (0, into):
                raise ConfigError(
                    f"calibration.{name} are {len(numbers)} numbers for S={into} networks: "
                    "calibrate again"
                )
        if combine != self.combine:
            raise other_combine(combine, self.combine)


def other_combine(combine: str, calibrated: str) -> ConfigError:
    """The error for answers combined in another way than that of the calibration."""
    return ConfigError(
        f"combine={combine!r} is not the way that the ensemble was calibrated for, "
        f"{calibrated!r}: use that, or calibrated=false for answers as they were before"
    )
