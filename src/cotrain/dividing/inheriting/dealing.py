"""Which channels each of the S networks gets: importance, and dealing by it."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from cotrain.dividing.inheriting.axis import Axis, narrowed_axes
from cotrain.dividing.inheriting.labelling import Channels


def importances(channels: Channels, parameters: Mapping[str, Tensor]) -> dict[Axis, Tensor]:
    """How much each channel matters, for every axis of which only some channels are kept.

    Every parameter that has the axis votes with the squared L2 norms of its slices (the filters
    that make the channel, its BatchNorm scale, the weights that read it), relative to their mean:
    what makes no difference to one layer can be large in another.
    """
    scores = {
        leaf: torch.zeros(leaf.large)
        for axes in channels.axes.values()
        for axis in axes
        for leaf in narrowed_axes(axis)
    }
    for name, tensor in parameters.items():
        for dim, axis in enumerate(channels.axes.get(name, ())):
            slices = tensor.detach().float().cpu().movedim(dim, 0).reshape(tensor.shape[dim], -1)
            squares = slices.square().sum(1)
            for leaf, votes in _votes(axis, squares / squares.mean().clamp(min=1e-30)):
                scores[leaf] += votes
    return scores


def _votes(axis: Axis, votes: Tensor) -> Iterator[tuple[Axis, Tensor]]:
    """A dimension's votes, given to the plain axes that it is made of."""
    axis = axis.resolved()
    if not axis.parts:
        if not axis.is_fixed:
            yield axis, votes
        return
    sizes = [part.large for part in axis.parts]
    if axis.is_grid:
        whole = votes.view(sizes)
        shares = [whole.movedim(d, 0).flatten(1).mean(1) for d in range(len(sizes))]
    else:
        shares = votes.split(sizes)
    for part, share in zip(axis.parts, shares, strict=True):
        yield from _votes(part, share)


def deal(scores: Tensor, size: int, into: int, first: int) -> list[Tensor]:
    """Choose ``size`` channels for each of ``into`` networks: sorted indices, all different.

    Where the networks have places for more than all channels, the most important are in several
    networks: none of them can do well without these, while of the others one holder suffices.
    They are dealt in turn from the most important on, so that no network has the better hand;
    where there are fewer places than channels, the least important are left out.

    Args:
        scores: Importance of each channel.
        size: Channels of one network, at most as many as there are.
        into: S.
        first: The network that is dealt to first.
    """
    order = scores.argsort(descending=True, stable=True).tolist()
    spare = max(into * size - len(order), 0)
    copies = [1] * len(order)
    for place in range(len(order)):
        copies[place] += min(into - 1, spare)
        spare -= copies[place] - 1
    hands: list[list[int]] = [[] for _ in range(into)]
    turn = first
    for channel, count in zip(order, copies, strict=True):
        for _ in range(count):
            hand = hands[turn % into]
            if len(hand) < size:
                hand.append(channel)
            turn += 1
    return [torch.tensor(sorted(hand), dtype=torch.long) for hand in hands]
