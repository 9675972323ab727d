"""Find out whether networks can be captured in a CUDA graph, before a capture fails.

With torch 2.11 nothing runs on the GPU any more after a capture that failed (pytorch#180395).
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from cotrain.basics.errors import ConfigError

_aten = torch.ops.aten
_NEEDS_VALUES = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
_COPIES = {_aten._to_copy.default, _aten.copy_.default}
_MASKS = {torch.bool, torch.uint8}


def check_capturable(
    networks: Sequence[Callable[[Tensor], Tensor]], views: Sequence[Tensor], *, first: int = 0
) -> None:
    """Run the networks once, watched.

    Args:
        networks: Those to capture.
        views: One for each.
        first: The number of the first, for messages.

    Raises:
        ConfigError: An operation waits for the device, which a graph cannot hold.
    """
    for index, (network, view) in enumerate(zip(networks, views, strict=True), start=first):
        try:
            with _Watch():
                network(view)
        except _WaitsError as error:
            raise ConfigError(
                f"strategy='cuda_graphs': network {index} waits for the GPU ({error}), which no "
                "graph can hold: use 'streams' or 'loop'"
            ) from None


class _WaitsError(Exception):
    """Names the operation."""


class _Watch(TorchDispatchMode):
    """Raises where an operation needs values of a tensor on the CPU, or brings some from there."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if _NEEDS_VALUES & set(func.tags) and not _takes_places(func, args):
            raise _WaitsError(str(func))
        result = func(*args, **kwargs)
        if func in _COPIES:
            tensors = (each for each in tree_leaves([args, result]) if isinstance(each, Tensor))
            places = {str(tensor.device) for tensor in tensors}
            if len(places) > 1:
                raise _WaitsError(f"{func} between {' and '.join(sorted(places))}")
        return result


def _takes_places(func: Any, args: Any) -> bool:
    """Whether it is an index by numbers, the shape of whose result is known."""
    if func is not _aten.index.Tensor:
        return False
    return not any(each.dtype in _MASKS for each in args[1] if each is not None)
