"""The rule by which only some of the networks are asked about an image; shipped with an ensemble.

The networks are asked in an order. After each stage an image whose answer is sure enough has it,
and more networks are asked about the others; at the last stage the full ensemble answers.
Sources: arXiv:2012.01988 (ensembles as cascades), arXiv:2407.02348 (agreement as the signal).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Float, Int
from cotrain.config.cascade import CascadeSignal
from cotrain.config.combining import Combine
from cotrain.config.limits import PROBABILITY, at_least, bounded, check_settings, required
from cotrain.ensemble.calibration import TEMPERATURE, Calibration


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Some networks have been asked, and an answer that is sure enough counts.

    Args:
        networks: How many have been asked, those of earlier stages among them.
        threshold: How sure an answer that counts is at least, from 0 to 1.
        temperature: By which the scores of their combined answer are divided.
    """

    networks: int = required(at_least(1))
    threshold: float = required(PROBABILITY)
    temperature: float = bounded(1.0, TEMPERATURE)


@dataclass(frozen=True, kw_only=True)
class Cascade:
    """In which order the networks are asked, and where an answer is sure enough.

    Args:
        combine: How the answers of the networks asked become one; that of the ensemble.
        order: Indices of the S networks in the order in which they are asked.
        signal: What tells how sure an answer is: see ``sureness``.
        stages: Those after which images leave; the last stage, that of all S networks, is not
            among them.
        images: On how many images it was fitted.
        accuracy: Share of right answers that is expected of new images.
        share: Of the MACs of all networks, that is expected to be done for an image on average.
        costs: Share of each network in the MACs of all; empty where all cost the same.

    Raises:
        ConfigError: Impossible numbers.
    """

    combine: Combine
    order: tuple[int, ...]
    signal: CascadeSignal
    stages: tuple[Stage, ...]
    images: int = required(at_least(1))
    accuracy: float = required(PROBABILITY)
    share: float = required(PROBABILITY)
    costs: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_settings(self, "cascade.")
        self._check_costs()
        for place, stage in enumerate(self.stages):
            check_settings(stage, f"cascade.stages[{place}].")
        if sorted(self.order) != list(range(len(self.order))):
            raise ConfigError(
                f"cascade.order={list(self.order)} does not name every network once: fit it again"
            )
        counts = [0, *(stage.networks for stage in self.stages), self.into]
        if any(later <= earlier for earlier, later in pairwise(counts)):
            raise ConfigError(
                f"cascade.stages ask {counts[1:-1]} of {self.into} networks, which is not fewer, "
                "and more with every stage: fit it again"
            )

    def _check_costs(self) -> None:
        if not self.costs:
            return
        sums_up = min(self.costs) > 0 and abs(sum(self.costs) - 1) < 1e-6
        if len(self.costs) != len(self.order) or not sums_up:
            raise ConfigError(
                f"cascade.costs={list(self.costs)} are not shares, one of each network, that sum "
                "to 1: fit it again"
            )

    @property
    def into(self) -> int:
        """S."""
        return len(self.order)

    def share_of(self, networks: int) -> float:
        """Of the MACs of all networks, those of the first ones of the order."""
        if not self.costs:
            return networks / self.into
        return sum(self.costs[each] for each in self.order[:networks])

    def mean_share(self, asked: Int[Tensor, " N"]) -> float:
        """Mean of that over images about which so many networks were asked each."""
        shares = [self.share_of(count) for count in range(self.into + 1)]
        return torch.tensor(shares, dtype=torch.float64)[asked].mean().item()

    def check_fits(self, into: int, combine: Combine) -> None:
        """Raise ConfigError unless it is for S networks that are combined in this way."""
        if into != self.into:
            raise ConfigError(
                f"cascade.order is of {self.into} networks, and there are S={into}: fit it again"
            )
        if combine != self.combine:
            raise ConfigError(
                f"combine={combine!r} is not the way that the cascade was fitted for, "
                f"{self.combine!r}: use that, or no cascade"
            )

    def first(self, networks: int) -> list[int]:
        """The networks that are asked first, by rising index, as their answers are combined."""
        return sorted(self.order[:networks])

    @cached_property
    def calibrations(self) -> Mapping[int, Calibration]:
        """What the answer of each stage but the last is calibrated by, by networks asked."""
        return {
            stage.networks: Calibration(
                combine=self.combine, temperature=stage.temperature, images=self.images
            )
            for stage in self.stages
        }


def known_cascade(cascade: Cascade | None) -> Cascade:
    """The cascade of an ensemble.

    Raises:
        ConfigError: It has none.
    """
    if cascade is None:
        raise ConfigError(
            "the ensemble has no cascade: fit one with cotrain cascade RUN (an exported one has it "
            "where it was exported after that, with --split)"
        )
    return cascade


def sureness(
    logits: Float[Tensor, "k B C"], log_p: Float[Tensor, "B C"], signal: CascadeSignal
) -> Float[Tensor, " B"]:
    """How sure the combined answer of k networks is, from 0 to 1; NaN, which never is, of none.

    ``probability`` of the answer; its ``margin`` over that of the next class; ``entropy``: 1 less
    that of the answer, as a share of log C; ``agreement``: the share of the k networks that name
    the class of the answer.

    Args:
        logits: Of the networks that were asked.
        log_p: Logarithms of their combined probabilities, in float64.
        signal: Which.
    """
    if signal == "agreement":
        found = (logits.argmax(-1) == log_p.argmax(-1)).double().mean(0)
        return found.where(log_p.isfinite().all(-1), torch.nan)
    return _SURENESS[signal](log_p).clamp(0, 1)


def _margin(log_p: Tensor) -> Tensor:
    best = log_p.exp().topk(min(2, log_p.shape[-1])).values
    return best[:, 0] - best[:, 1:].sum(-1)


def _certainty(log_p: Tensor) -> Tensor:
    return 1 + (log_p.exp() * log_p).sum(-1) / math.log(max(log_p.shape[-1], 2))


_SURENESS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "probability": lambda log_p: log_p.amax(-1).exp(),
    "margin": _margin,
    "entropy": _certainty,
}
