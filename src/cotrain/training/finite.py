"""Whether the losses are finite, found out without making a GPU wait in every step."""

from dataclasses import dataclass

import torch
from pytorch_lightning.strategies import Strategy
from torch import Tensor

from cotrain.ensemble.losses import CoTrainingLossTerms


class NotFiniteError(Exception):
    """The loss, or a weight, is NaN or infinite."""


@dataclass(frozen=True, kw_only=True)
class _Noted:
    """The loss of one step.

    Args:
        step: Optimizer step, from 0.
        epoch: Epoch, from 0.
        values: Processes with a loss that is not finite; cross-entropy; divergence. On the CPU.
        copied: The GPU reaches it when ``values`` have arrived; None where they are there at once.
    """

    step: int
    epoch: int
    values: Tensor
    copied: torch.cuda.Event | None


class LossWatch:
    """Remembers the last loss, and says whether it was finite.

    On a GPU it is copied while the step goes on; looking at it in the next step finds it there.
    """

    def __init__(self) -> None:
        self._noted: _Noted | None = None

    def note(
        self, terms: CoTrainingLossTerms, *, step: int, epoch: int, strategy: Strategy
    ) -> None:
        """Remember the loss of a step; every process must call it."""
        infinite = (~torch.isfinite(terms.total.detach())).to(terms.total.dtype)
        infinite = strategy.reduce(infinite, reduce_op="sum")  # type: ignore[arg-type]
        assert isinstance(infinite, Tensor)
        values = torch.stack([infinite, terms.cross_entropy.detach(), terms.divergence.detach()])
        copied = None
        if values.is_cuda:
            there = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
            values, copied = there.copy_(values, non_blocking=True), torch.cuda.Event()
            copied.record()
        self._noted = _Noted(step=step, epoch=epoch, values=values, copied=copied)

    @property
    def late(self) -> bool:
        """Whether looking at the last loss now would wait for a GPU."""
        return self._noted is not None and self._noted.copied is not None

    def problem(self) -> str | None:
        """What is wrong with the loss noted last, in any process; None if it is finite."""
        if self._noted is None:
            return None
        if self._noted.copied is not None:
            self._noted.copied.synchronize()
        infinite, cross_entropy, divergence = self._noted.values.tolist()
        if not infinite:
            return None
        return (
            f"the loss of step {self._noted.step} (epoch {self._noted.epoch}) is not finite: "
            f"cross-entropy {cross_entropy}, divergence {divergence}"
        )

    def check(self) -> None:
        """Raise NotFiniteError if there is a problem."""
        problem = self.problem()
        if problem is not None:
            raise NotFiniteError(problem)
