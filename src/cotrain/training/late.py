"""Numbers of a step that all processes share and that no step waits for."""

import torch
import torch.distributed as dist
from torch import Tensor


class Late:
    """Numbers on their way from all processes and from a GPU; a step later they are there.

    Every process must make one at the same place.

    Args:
        values: Numbers [N] of this process.
        shared: So many of them, from the first on, become the greatest of all processes.
    """

    def __init__(self, values: Tensor, *, shared: int) -> None:
        self._work: dist.Work | None = None
        self._there: torch.cuda.Event | None = None
        self._values = values
        if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
            greatest = dist.ReduceOp.MAX
            self._work = dist.all_reduce(values[:shared], op=greatest, async_op=True)
        if values.is_cuda:
            self._there = torch.cuda.Event()
            self._values = self._sent(values)

    def _sent(self, values: Tensor) -> Tensor:
        """The numbers, sent to the CPU without holding up what the GPU does for the step."""
        there = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
        device = values.device
        stream = torch.cuda.Stream(device) if self._work else torch.cuda.current_stream(device)
        with torch.cuda.stream(stream):
            if self._work:
                self._work.wait()  # the stream waits, and not this process
            there.copy_(values, non_blocking=True)
        assert self._there is not None
        self._there.record(stream)
        values.record_stream(stream)
        return there

    @property
    def waits(self) -> bool:
        """Whether looking at the numbers in the step that made them would wait."""
        return self._work is not None or self._there is not None

    def numbers(self) -> list[float]:
        """The numbers."""
        if self._there is not None:
            self._there.synchronize()
        elif self._work is not None:
            self._work.wait()
        return self._values.tolist()
