"""All networks as one whose weights have the axis S: each convolution runs in S times the groups.

Source of the method: torch.func's model ensembling.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call

from cotrain.basics.errors import ConfigError
from cotrain.execution.acceleration import (
    Acceleration,
    Compiled,
    converting,
    evaluation_copy,
    prepared_copy,
)
from cotrain.execution.execution import Execution
from cotrain.networks.likeness import alike


class Stacked(nn.Module):
    """S networks of one structure as one: [B, C, H, W] or [S, B, C, H, W] to logits [S, B, C].

    Args:
        networks: In evaluation mode; their weights are copied into stacks.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.names = [name for name, _ in _state(networks[0])]
        stacks = [torch.stack(same) for same in zip(*map(_tensors, networks), strict=True)]
        self.stacks = nn.ParameterList(nn.Parameter(s, requires_grad=False) for s in stacks)
        skeleton = evaluation_copy(networks[0], partial(torch.empty_like, device="meta"))
        # Inside a function, because its tensors are none of this module's.
        self.call: Callable[..., Tensor] = partial(functional_call, skeleton)

    def forward(self, images: Tensor) -> Tensor:
        state = dict(zip(self.names, self.stacks, strict=True))
        each = 0 if images.dim() == 5 else None
        return torch.vmap(self.call, in_dims=(0, each))(state, images)


def stacked(networks: Sequence[nn.Module], how: Acceleration) -> Execution:
    """Stack networks of one structure.

    Raises:
        ConfigError: Their structures differ, or channels_last is asked for.
    """
    if how.channels_last:
        raise ConfigError(
            "strategy='stacked' has no layout channels_last: leave it out, or use strategy='loop'"
        )
    first = networks[0]
    if not all(_shapes(each) == _shapes(first) and alike(each, first) for each in networks):
        raise ConfigError(
            "strategy='stacked': the networks differ in structure: use 'loop', 'threads', "
            "'streams' or 'devices'"
        )
    whole = Stacked([prepared_copy(network, how) for network in networks])
    run = converting(Compiled(whole, None) if how.compile else whole, how)
    return Execution("stacked", networks, lambda views: _run(run, views))


def _run(whole: Callable[[Tensor], Tensor], views: Sequence[Tensor]) -> Tensor:
    same = all(view is views[0] for view in views)
    images = views[0] if same else torch.stack(list(views))
    try:
        # Convolutions under vmap have no fast path for images laid out as [B, H, W, C].
        return whole(images.clone(memory_format=torch.contiguous_format))
    except Exception as error:
        raise ConfigError(
            f"strategy='stacked' fails for these networks or images ({error}): use strategy='loop'"
        ) from error


def _state(network: nn.Module) -> list[tuple[str, Tensor]]:
    return [*network.named_parameters(), *network.named_buffers()]


def _tensors(network: nn.Module) -> list[Tensor]:
    return [tensor for _, tensor in _state(network)]


def _shapes(network: nn.Module) -> list[tuple[object, ...]]:
    return [(name, t.shape, t.dtype, t.device) for name, t in _state(network)]
