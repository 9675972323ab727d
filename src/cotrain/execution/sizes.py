"""Few batch sizes for what is made for each size anew: compiled code, captured graphs.

The first sizes are run as they are. Later ones are padded to a power of two, which gives the same
answers, as no image's answer depends on another's.
"""

import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

# Enough for a loader's batches, their last one and two that a user tries.
EXACT = 4

V = TypeVar("V")


class Sizes:
    """The size that a batch of images is run with.

    Args:
        networks: Never padded where their answers depend on the other images.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self._pads = not any(map(_uses_batch_statistics, networks))
        self._known: dict[Hashable, set[int]] = {}

    def of(self, images: Tensor) -> int:
        """At least the B of images [..., B, C, H, W]."""
        size = images.shape[-4]
        known = self._known.setdefault((images.shape[:-4], images.shape[-3:]), set())
        if size in known:
            return size
        if self._pads and len(known) >= EXACT:
            power = _power_of_two(size)
            if size < power:
                warnings.warn(
                    f"batch sizes: {size} is not among the first {EXACT} met, for which there is "
                    "code: it is padded, as others are, to a power of two; answers are the same",
                    stacklevel=2,
                )
            size = min([each for each in known if size <= each < power], default=power)
        known.add(size)
        return size


def _uses_batch_statistics(network: nn.Module) -> bool:
    norms = (layer for layer in network.modules() if isinstance(layer, _BatchNorm))
    return any(norm.running_mean is None for norm in norms)


def padded(images: Tensor, size: int) -> Tensor:
    """Images [..., size, C, H, W] of the same layout; those added are zero."""
    missing = size - images.shape[-4]
    if not missing:
        return images
    last = images.dim() == 4 and images.is_contiguous(memory_format=torch.channels_last)
    more = nn.functional.pad(images, (0, 0, 0, 0, 0, 0, 0, missing))
    return more.contiguous(memory_format=torch.channels_last) if last else more


def in_buckets(ask: Callable[[int, Tensor], Tensor]) -> Callable[[int, Tensor], Tensor]:
    """``ask``, but of batches of few sizes: the largest that was met, and powers of two.

    A cascade asks about what is left of a batch, which may be any number of images.
    """
    most = 0

    def ask_padded(index: int, images: Tensor) -> Tensor:
        nonlocal most
        count = len(images)
        most = max(most, count)
        return ask(index, padded(images, min(most, _power_of_two(count))))[:count]

    return ask_padded


def _power_of_two(size: int) -> int:
    """The smallest that is no smaller."""
    return 1 << (size - 1).bit_length()


class Recent(Generic[V]):
    """The values used last, by key; those used longest ago are dropped.

    Args:
        most: How many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, V] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of a key; made, after room is made for it, where there is none."""
        if key not in self._values:
            while len(self._values) >= self._most:
                self._values.popitem(last=False)
            self._values[key] = make()
        self._values.move_to_end(key)
        return self._values[key]

    def clear(self) -> None:
        """Drop all."""
        self._values.clear()
