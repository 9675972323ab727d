"""The best thresholds of a cascade's stages: all combinations of their candidates at once.

An image goes on from a stage where it is not sure enough. What the images lose, and how many
networks they are asked, are sums over those that go on from the first stage, from the first two,
and so on: cumulative sums of a histogram with an axis a stage, whose bins end at the candidates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from cotrain.basics.shapes import Float, Int

CANDIDATES = 48  # of a stage: three stages make 110,592 combinations
NEVER = float("inf")


@dataclass(frozen=True, kw_only=True, eq=False)
class Combinations:
    """What every combination of thresholds gives, summed up over the images.

    Args:
        candidates: Of each stage, rising: from 0, where all images leave, to ``NEVER``.
        loss: An axis for each stage.
        asked: How many networks are asked, or what these take, likewise.
    """

    candidates: Sequence[Tensor]
    loss: Tensor
    asked: Tensor

    def thresholds(self, place: int) -> tuple[float, ...]:
        """Those of a place in the flattened tables."""
        places = torch.unravel_index(torch.tensor(place), self.loss.shape)
        return tuple(each[int(at)].item() for each, at in zip(self.candidates, places, strict=True))


def all_combinations(
    sure: Float[Tensor, "K N"], losses: Float[Tensor, "stages N"], ends: Sequence[float]
) -> Combinations:
    """What every combination of candidates gives.

    Where the images of each stage have no more than ``CANDIDATES - 1`` values, all that can differ
    is among them; else the candidates part the images into groups of about equal numbers.

    Args:
        sure: How sure each image is after each of K stages, from 0 to 1.
        losses: Of each image where it leaves after each of the K + 1 stages.
        ends: How many networks have been asked then, or what these take.
    """
    candidates = [_candidates(each) for each in sure]
    bins = [
        torch.searchsorted(each, own.contiguous(), right=True)
        for each, own in zip(candidates, sure, strict=True)
    ]
    images = losses.shape[1]
    loss, asked = losses[0].sum(), torch.tensor(ends[0] * images, dtype=torch.float64)
    shape = [len(each) for each in candidates]
    for last in range(len(shape)):
        place = _ravelled(bins[: last + 1], shape)
        further = torch.full((images,), ends[last + 1] - ends[last], dtype=torch.float64)
        loss = loss + _going_on(place, losses[last + 1] - losses[last], shape, last + 1)
        asked = asked + _going_on(place, further, shape, last + 1)
    return Combinations(candidates=candidates, loss=loss.clamp(min=0), asked=asked)


def _candidates(sure: Float[Tensor, " N"]) -> Float[Tensor, " G"]:
    """Between two neighbouring values, so that no rounding moves an image to the other side."""
    known = sure.unique()
    if len(known) > CANDIDATES - 1:
        places = torch.linspace(0, len(sure) - 1, CANDIDATES - 1).round().long()
        known_at = sure.sort().values[places].unique()
        upper = torch.searchsorted(known, known_at)[1:]
    else:
        upper = torch.arange(1, len(known))
    between = (known[upper - 1] + known[upper]) / 2
    ends = between.new_tensor([0.0, NEVER])
    return torch.cat([ends[:1], between, ends[1:]])


def _ravelled(bins: Sequence[Int[Tensor, " N"]], shape: Sequence[int]) -> Int[Tensor, " N"]:
    """The place of each image in the flattened histogram."""
    place = torch.zeros_like(bins[0])
    for own, size in zip(bins, shape, strict=False):
        place = place * size + own
    return place


def _going_on(place: Tensor, weights: Tensor, shape: Sequence[int], stages: int) -> Tensor:
    """The sum of the weights of the images that go on from each of the first stages."""
    own = shape[:stages]
    table = torch.bincount(place, weights, minlength=prod(own)).reshape(*own)
    for axis in range(stages):
        table = table.cumsum(axis)
    return table.reshape(*own, *[1] * (len(shape) - stages))
