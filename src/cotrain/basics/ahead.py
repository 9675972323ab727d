"""Work that goes on while its caller is busy with what was made before."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


def one_ahead(items: Iterable[T]) -> Iterator[T]:
    """The items, each after the next one has been made."""
    made: list[T] = []
    for item in items:
        yield from made
        made = [item]
    yield from made


class Sent:
    """A tensor on its way to the CPU, for which neither a GPU nor this process waits.

    Args:
        tensor: What the current stream of its device makes.
    """

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor
        self._there: torch.cuda.Event | None = None
        if tensor.is_cuda:
            self._tensor = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
            self._tensor.copy_(tensor, non_blocking=True)
            self._there = torch.cuda.Event()
            self._there.record(torch.cuda.current_stream(tensor.device))

    @property
    def waits(self) -> bool:
        """Whether asking for the tensor may wait for a GPU."""
        return self._there is not None

    def arrived(self) -> Tensor:
        """The tensor on the CPU, once it is there."""
        if self._there is None:
            return self._tensor
        self._there.synchronize()
        return self._tensor.clone()  # what it travelled in is scarce, and used again
