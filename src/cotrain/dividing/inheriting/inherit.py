"""S networks that start from the weights of one trained large network."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.dividing.inheriting.axis import Axis, kept
from cotrain.dividing.inheriting.dealing import deal, importances
from cotrain.dividing.inheriting.labelling import Channels, label_channels


def inherit(large: nn.Module, smalls: Sequence[nn.Module], image_shape: Sequence[int]) -> None:
    """Give each of S narrower networks its own part of a trained large network's weights.

    Every small network keeps a subset of the large one's channels, the same in all layers that a
    channel runs through; together the S networks keep as many as they have room for. Weights that
    sum over fewer channels than before grow by what was left out, so that what they add up to
    keeps its scale. BatchNorm's running statistics come along, but fit the new sums only roughly:
    before the networks answer without any training, take them anew from some training images with
    ``torch.optim.swa_utils.update_bn``, as ``cotrain train`` does before the first step.

    Args:
        large: The trained network.
        smalls: S networks of equal widths, with the large one's layers and names; filled in place.
        image_shape: [C, H, W] of an image that both accept.

    Raises:
        ConfigError: The networks do not have the same layers, a small one is wider somewhere, or
            the channels cannot be followed through an operation; nothing is changed then.
    """
    _require_equal(smalls)
    channels = check_inheritable(large, smalls[0], image_shape)
    for small, chosen in zip(smalls, choose_channels(large, channels, len(smalls)), strict=True):
        fill(small, large, channels, chosen)


def check_inheritable(large: nn.Module, small: nn.Module, image_shape: Sequence[int]) -> Channels:
    """The channels of the networks, whose weights may have no values (``meta``).

    Raises:
        ConfigError: The small network cannot be given some of the large one's; see ``inherit``.
    """
    channels = label_channels(large, small, image_shape)
    _require_known(channels, large, small)
    return channels


def choose_channels(large: nn.Module, channels: Channels, into: int) -> list[dict[Axis, Tensor]]:
    """The channels of each of ``into`` networks along every axis of which some are dropped."""
    chosen: list[dict[Axis, Tensor]] = [{} for _ in range(into)]
    scores = importances(channels, dict(large.named_parameters()))
    for first, (axis, score) in enumerate(scores.items()):
        for own, hand in zip(chosen, deal(score, axis.small, into, first), strict=True):
            own[axis] = hand
    return chosen


@torch.no_grad()
def fill(
    small: nn.Module, large: nn.Module, channels: Channels, chosen: Mapping[Axis, Tensor]
) -> None:
    """Copy the chosen channels of every tensor of ``large`` into ``small``."""
    theirs = large.state_dict()
    for name, tensor in small.state_dict().items():
        source = theirs[name]
        for dim, axis in enumerate(channels.axes.get(name, ())):
            source = source.index_select(dim, kept(axis, chosen).to(source.device))
        if name in channels.summed:
            source = _compensated(source, channels.axes[name], channels.summed[name])
        tensor.copy_(source)


def _compensated(weight: Tensor, axes: tuple[Axis, ...], summed: Axis) -> Tensor:
    """Times n / k along the axis that is summed over, of whose n channels k are left."""
    if summed.is_fixed or summed not in axes:
        return weight
    return weight * (summed.large / summed.small)


def _require_equal(smalls: Sequence[nn.Module]) -> None:
    shapes = [_shapes(small) for small in smalls]
    if not shapes or any(shape != shapes[0] for shape in shapes):
        raise ConfigError(
            f"smalls: {len(smalls)} networks of unequal widths: give S networks of one spec"
        )


def _require_known(channels: Channels, large: nn.Module, small: nn.Module) -> None:
    """Tensors that no image goes through can only be copied whole."""
    theirs, ours = _shapes(large), _shapes(small)
    for name in theirs | ours:
        unequal = theirs.get(name) != ours.get(name)
        if unequal and (name not in channels.axes or name not in theirs or name not in ours):
            raise ConfigError(
                f"{name}: its shape {theirs.get(name)} would become {ours.get(name)}, but no "
                "image goes through it in both networks: initialise the networks fresh"
            )


def _shapes(network: nn.Module) -> dict[str, list[int]]:
    return {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
