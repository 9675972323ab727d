"""Numbers of a step that all processes share and that no step waits for."""

import torch
import torch.distributed as dist
from torch import Tensor

from cotrain.basics.ahead import Sent


class Late:
    """Numbers on their way from all processes and from a GPU; a step later they are there.

    Every process must make one at the same place.

    Args:
        values: Numbers [N] of this process.
        shared: So many of them, from the first on, become the greatest of all processes.
    """

    def __init__(self, values: Tensor, *, shared: int) -> None:
        self._work: dist.Work | None = None
        if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
            greatest = dist.ReduceOp.MAX
            self._work = dist.all_reduce(values[:shared], op=greatest, async_op=True)
        self._values = self._sent(values) if values.is_cuda else Sent(values)

    def _sent(self, values: Tensor) -> Sent:
        """The numbers, sent without holding up what the GPU does for the step."""
        device = values.device
        stream = torch.cuda.Stream(device) if self._work else torch.cuda.current_stream(device)
        with torch.cuda.stream(stream):
            if self._work:
                self._work.wait()  # the stream waits, and not this process
            sent = Sent(values)
        values.record_stream(stream)
        return sent

    @property
    def waits(self) -> bool:
        """Whether looking at the numbers in the step that made them would wait."""
        return self._work is not None or self._values.waits

    def numbers(self) -> list[float]:
        """The numbers."""
        if self._work is not None and not self._values.waits:
            self._work.wait()
        return self._values.arrived().tolist()
