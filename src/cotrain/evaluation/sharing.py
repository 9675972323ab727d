"""Test images answered by several processes, each some batches, as one would answer all."""

from collections.abc import Iterator

import torch
import torch.distributed as dist
from torch import Tensor

from cotrain.basics.shapes import Float
from cotrain.data import Share


def gathered(
    answers: Iterator[Float[Tensor, "S B C"]],
    sizes: list[int],
    shape: tuple[int, int],
    share: Share,
    device: torch.device,
) -> Iterator[Float[Tensor, "S B C"]]:
    """The answers to all batches in their order in the first process, and none in the others.

    All must iterate over it.

    Args:
        answers: To the batches of this process, on the CPU.
        sizes: Images of each batch, of all processes.
        shape: (S, C).
        share: Which of the processes this is.
        device: Where they can exchange tensors.
    """
    into, classes = shape
    for start in range(0, len(sizes), share.world_size):
        sent = torch.zeros(into, max(sizes), classes, device=device)
        own = next(answers, None)  # the last round may have none for this process
        if own is not None:
            sent[:, : own.shape[1]] = own
        received = [torch.empty_like(sent) for _ in range(share.world_size)]
        dist.gather(sent, received if share.rank == 0 else None)
        if share.rank == 0:
            for each, size in zip(received, sizes[start:], strict=False):
                yield each[:, :size].cpu()
