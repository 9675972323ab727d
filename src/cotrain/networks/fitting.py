"""Whether tensors are those of a spec's network, found out before any of its memory is taken."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cotrain.basics.errors import ConfigError
from cotrain.networks.family import NetworkSpec
from cotrain.networks.meta import on_meta
from cotrain.networks.registry import family_of

# What building may ask for: a structural spec builds the large network, of about S times the size,
# and most layers make some tensors that are not kept.
_TENSORS, _SIZE = 16, 16
_ANYWAY = (2_000, 2**25)  # as many tensors, and values, are no danger


def check_fits(spec: NetworkSpec, tensors: Mapping[str, Tensor]) -> None:
    """Raise ConfigError unless the network of a spec has exactly these tensors.

    It is built on the ``meta`` device, and not further than the tensors allow: a spec that would
    take hours or all memory is refused as fast as another.

    Args:
        spec: Of whom it is not known who wrote it.
        tensors: Parameters and buffers by name.
    """
    expected = weightless(spec, tensors).state_dict()
    for name in [*expected, *tensors]:
        if name not in tensors or name not in expected:
            raise ConfigError(f"{name} {'lacks' if name in expected else 'is too many'}")
        want, found = expected[name], tensors[name]
        if (want.shape, want.dtype) != (found.shape, found.dtype):
            raise ConfigError(f"{name} is {_kind(found)}, not {_kind(want)}")


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def weightless(spec: NetworkSpec, tensors: Mapping[str, Tensor]) -> nn.Module:
    """The network of a spec on the ``meta`` device, if it is not far larger than these tensors.

    Raises:
        ConfigError: It is, or its numbers are those of no network.
    """
    family = family_of(spec)
    size = sum(each.numel() for each in tensors.values())
    try:
        with _Limited(_TENSORS * len(tensors) + _ANYWAY[0], _SIZE * size + _ANYWAY[1]):
            return on_meta(partial(family.blank or family.build, spec))
    except ConfigError:
        raise
    except Exception as error:  # what a network's code says to numbers that no network has
        raise ConfigError(f"{type(error).__name__}: {error}") from None


class _Limited(TorchFunctionMode):
    """Inside, no more tensors are made, and with no more values, than so many."""

    def __init__(self, tensors: int, values: int) -> None:
        super().__init__()
        self.tensors = tensors
        self.values = values

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if getattr(func, "__name__", "") in _MAKERS:
            self.tensors -= 1
            self.values -= _values(args[0] if args and isinstance(args[0], list | tuple) else args)
            if self.tensors < 0 or self.values < 0:
                raise ConfigError("the network is far larger than its weights")
        return func(*args, **(kwargs or {}))


# What makes parameters, buffers and tables of a size that a constructor is given.
_MAKERS = {"empty", "zeros", "ones", "full", "rand", "randn", "arange", "linspace"}


def _values(numbers: Sequence[Any]) -> int:
    """At most how many values a tensor of these sizes, or a table up to these numbers, has."""
    return math.prod(max(1, abs(int(each))) for each in numbers if isinstance(each, int | float))
