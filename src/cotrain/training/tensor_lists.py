"""The tensors of a module in lists, which torch goes through without Python."""

from collections.abc import Callable
from operator import is_

import torch
from torch import Tensor, nn

Lists = list[list[Tensor]]


class TensorLists:
    """A module's tensors, a list for each type and device; one that is shared stands there once.

    They are listed anew only where the module has others than before, as buffers are after they
    are moved: walking a large network in every step takes milliseconds.

    Args:
        module: Whose.
        owned: The tensors that one layer owns, such as ``state`` and ``buffers`` give.
    """

    def __init__(self, module: nn.Module, owned: Callable[[nn.Module], list[Tensor]]) -> None:
        self._layers, self._owned = list(module.modules()), owned
        self._owners = [
            owner for layer in self._layers for owner in (layer._parameters, layer._buffers)
        ]
        self._known: list[Tensor | None] = []
        self._lists: Lists = []

    def __call__(self) -> Lists:
        now = [tensor for owner in self._owners for tensor in owner.values()]
        if len(now) != len(self._known) or not all(map(is_, now, self._known)):
            self._known, self._lists = now, self._listed()
        return self._lists

    def _listed(self) -> Lists:
        tensors = {id(tensor): tensor for layer in self._layers for tensor in self._owned(layer)}
        lists: dict[tuple[torch.dtype, torch.device], list[Tensor]] = {}
        for tensor in tensors.values():
            lists.setdefault((tensor.dtype, tensor.device), []).append(tensor)
        return list(lists.values())


def state(layer: nn.Module) -> list[Tensor]:
    """What a layer puts into a ``state_dict``."""
    lost = layer._non_persistent_buffers_set
    kept = [buffer for name, buffer in layer._buffers.items() if name not in lost]
    return [tensor for tensor in (*layer._parameters.values(), *kept) if tensor is not None]


def buffers(layer: nn.Module) -> list[Tensor]:
    """The buffers of a layer, also those that its ``state_dict`` leaves out."""
    return [buffer for buffer in layer._buffers.values() if buffer is not None]


@torch.no_grad()
def copy(these: Lists, there: Lists) -> None:
    """Copy the values."""
    for new, old in zip(these, there, strict=True):
        torch._foreach_copy_(old, new)  # pyright: ignore[reportPrivateImportUsage]


@torch.no_grad()
def move(these: Lists, towards: Lists, share: float) -> None:
    """Move numbers by a share of the way; what can only be counted is copied."""
    for old, new in zip(these, towards, strict=True):
        if old[0].is_floating_point():
            torch._foreach_lerp_(old, new, share)  # pyright: ignore[reportPrivateImportUsage]
        else:
            copy([new], [old])
