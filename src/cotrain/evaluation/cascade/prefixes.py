"""What some of the networks answer together, and in which orders they can be asked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import get_args

import torch
from torch import Tensor

from cotrain.basics.shapes import Float, Int
from cotrain.config.cascade import CascadeSignal
from cotrain.config.combining import Combine
from cotrain.ensemble.cascade import sureness
from cotrain.ensemble.combining import log_probabilities
from cotrain.evaluation.calibration.fitting import fitted

_ALL_ORDERS = 4  # networks whose orders are all tried: 24
_STOPS = 3  # stages before the last
_PLACES = 7  # where a stage can end, of more networks than that
_CHUNK = 4096  # images whose float64 probabilities are held at once


@dataclass(frozen=True, kw_only=True, eq=False)
class PrefixAnswers:
    """What some networks answer together.

    Args:
        temperature: Of their combined answer.
        classes: The most probable of each image.
        sure: How sure they are of each image, by every signal.
        lost: How much less probable the full ensemble holds these classes than its own.
    """

    temperature: float
    classes: Int[Tensor, " N"]
    sure: Mapping[CascadeSignal, Float[Tensor, " N"]]
    lost: Float[Tensor, " N"]


def answered(
    logits: Float[Tensor, "k N C"],
    targets: Int[Tensor, " N"],
    combine: Combine,
    full: Float[Tensor, "N C"],
) -> PrefixAnswers:
    """What these networks answer together.

    Args:
        logits: Of the k networks.
        targets: The images' classes, to which the temperature is fitted.
        combine: How their answers become one.
        full: Probabilities of the full ensemble.
    """
    calibration = fitted("temperature", logits, targets, combine)
    signals: tuple[CascadeSignal, ...] = get_args(CascadeSignal)
    classes: list[Tensor] = []
    sure: dict[CascadeSignal, list[Tensor]] = {name: [] for name in signals}
    for part in logits.split(_CHUNK, dim=1):
        log_p = log_probabilities(part, combine, calibration)
        classes.append(log_p.argmax(-1))
        for name in signals:
            sure[name].append(sureness(part, log_p, name))
    found = torch.cat(classes)
    return PrefixAnswers(
        temperature=calibration.temperature,
        classes=found,
        sure={name: torch.cat(parts) for name, parts in sure.items()},
        lost=full.amax(-1) - full.gather(1, found[:, None]).squeeze(1),
    )


def orders(
    logits: Float[Tensor, "S N C"],
    targets: Int[Tensor, " N"],
    combine: Combine,
    work: Sequence[float],
) -> Iterator[tuple[int, ...]]:
    """The orders that are tried: all up to S = 4, beyond it a greedy one.

    The greedy one adds the network with which the combined answer has the smallest negative
    log-likelihood. Where the networks differ in cost, one from the cheapest on is tried, too.
    """
    if len(logits) <= _ALL_ORDERS:
        yield from permutations(range(len(logits)))
        return
    order: list[int] = []
    left = list(range(len(logits)))
    while left:
        best = max(left, key=lambda each: _likelihood(logits[[*order, each]], targets, combine))
        order.append(best)
        left.remove(best)
    yield tuple(order)
    cheapest = tuple(sorted(range(len(logits)), key=lambda each: work[each]))
    if len(set(work)) > 1 and cheapest != tuple(order):
        yield cheapest


def _likelihood(logits: Tensor, targets: Tensor, combine: Combine) -> float:
    parts = zip(logits.split(_CHUNK, dim=1), targets.split(_CHUNK), strict=True)
    return sum(
        log_probabilities(part, combine).gather(1, own[:, None]).sum().item() for part, own in parts
    )


def stops(into: int) -> Sequence[tuple[int, ...]]:
    """After how many networks stages can end; each a whole number of stages before the last."""
    places = range(1, into)
    if into > _PLACES + 1:
        places = sorted({round(into ** (each / (_PLACES + 1))) for each in range(_PLACES + 1)})
    return list(combinations(places, min(_STOPS, len(places))))
