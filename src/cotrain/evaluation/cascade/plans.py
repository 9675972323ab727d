"""The best way to ask the networks: over all orders, stages and thresholds that are tried."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from cotrain.basics.shapes import Float, Int
from cotrain.config.cascade import CascadeSignal
from cotrain.ensemble.cascade import Stage
from cotrain.evaluation.cascade.prefixes import PrefixAnswers, stops
from cotrain.evaluation.cascade.risk import expected_losses
from cotrain.evaluation.cascade.search import NEVER, Combinations, all_combinations

_ROUNDING = 1e-12  # of sums over images

Order = tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class KnownAnswers:
    """What is known of the networks' answers to N images.

    Args:
        images: N.
        into: S.
        orders: In which they can be asked.
        of: What the first networks of each order answer together, by who they are.
        work: What each network takes, as a multiple of the mean of all: 1 where they are equal.
    """

    images: int
    into: int
    orders: Sequence[Order]
    of: Mapping[frozenset[int], PrefixAnswers]
    work: Sequence[float]

    def work_of(self, networks: Iterable[int]) -> float:
        """What some of the networks take together; all of them take S."""
        return sum(self.work[each] for each in networks)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is wanted: the least work at a bounded loss, or the smallest loss at bounded work.

    Args:
        bounds: What is bounded: the loss of accuracy, or the share of the MACs that is done.
        most: The largest that it may be.
    """

    bounds: Literal["loss", "share"]
    most: float

    def key(self, loss: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
        """What is to be small, then what is bounded; both infinite where the bound is passed."""
        small, bound = (share, loss) if self.bounds == "loss" else (loss, share)
        held = bound <= self.most + _ROUNDING
        return small.where(held, torch.inf), bound.where(held, torch.inf)


@dataclass(frozen=True, kw_only=True)
class AskingPlan:
    """One way to ask the networks.

    Args:
        order: In which they are asked.
        signal: What tells how sure an answer is.
        stages: Those at which images leave before the last.
        loss: Of accuracy, that is expected.
        share: Of the MACs of all networks, that is done on average.
    """

    order: Order
    signal: CascadeSignal
    stages: tuple[Stage, ...]
    loss: float
    share: float


@dataclass(frozen=True, kw_only=True, eq=False)
class _Tried:
    """All thresholds of one order with stages that end in the same places."""

    order: Order
    ends: tuple[int, ...]
    found: Combinations


def best_plan(
    known: KnownAnswers,
    wish: Wish,
    signals: Iterable[CascadeSignal],
    images: Int[Tensor, " M"],
) -> AskingPlan:
    """The plan that fulfils the wish best; of equally good ones the first.

    Args:
        known: Of all images.
        wish: What is wanted.
        signals: Which are tried.
        images: Those that it is fitted to.
    """
    best, smallest = None, (float("inf"), float("inf"))
    most = len(images) * known.into
    for signal in signals:
        for tried in _all_tried(known, signal, images):
            loss, share = (
                tried.found.loss.flatten() / len(images),
                tried.found.asked.flatten() / most,
            )
            first, second = wish.key(loss, share)
            second = second.where(first == first.min(), torch.inf)
            place = int(second.argmin())
            key = (first[place].item(), second[place].item())
            if key < smallest:
                smallest = key
                best = AskingPlan(
                    order=tried.order,
                    signal=signal,
                    stages=_stages(known, tried, place),
                    loss=loss[place].item(),
                    share=share[place].item(),
                )
    assert best is not None  # all networks can be asked about all images, or one about each
    return best


def _stages(known: KnownAnswers, tried: _Tried, place: int) -> tuple[Stage, ...]:
    """The stages at which anything leaves, up to one at which all do."""
    found: list[Stage] = []
    for end, threshold in zip(tried.ends, tried.found.thresholds(place), strict=True):
        if threshold == NEVER:
            continue
        temperature = known.of[frozenset(tried.order[:end])].temperature
        found.append(Stage(networks=end, threshold=threshold, temperature=temperature))
        if threshold == 0:
            break
    return tuple(found)


def frontier(
    known: KnownAnswers, signal: CascadeSignal
) -> tuple[Float[Tensor, " points"], Float[Tensor, " points"]]:
    """The smallest expected losses, and the shares of the MACs that they take, which rise.

    Where the networks differ in cost, shares are rounded to those of one for an image.
    """
    most = known.images * known.into
    least = torch.full((most + 1,), torch.inf, dtype=torch.float64)
    for tried in _all_tried(known, signal, torch.arange(known.images)):
        asked, loss = tried.found.asked.flatten().round().long(), tried.found.loss.flatten()
        least.scatter_reduce_(0, asked, loss, "amin")
    before = torch.cat([least.new_full((1,), torch.inf), least.cummin(0).values[:-1]])
    asked = (least < before).nonzero().squeeze(1)
    return least[asked] / known.images, asked.double() / most


def _all_tried(known: KnownAnswers, signal: CascadeSignal, images: Tensor) -> Iterator[_Tried]:
    sure = {who: each.sure[signal][images] for who, each in known.of.items()}
    losses = {
        who: expected_losses(sure[who], each.lost[images], sure[who])
        for who, each in known.of.items()
    }
    none = torch.zeros(len(images), dtype=torch.float64)
    for order in known.orders:
        for ends in stops(known.into):
            first = [frozenset(order[:end]) for end in ends]
            found = all_combinations(
                torch.stack([sure[who] for who in first]),
                torch.stack([*(losses[who] for who in first), none]),
                [known.work_of(order[:end]) for end in (*ends, known.into)],
            )
            yield _Tried(order=order, ends=ends, found=found)
