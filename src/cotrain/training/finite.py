"""Only finite losses are learnt from; found out without making a GPU wait in every step."""

from dataclasses import dataclass

import torch
from pytorch_lightning.strategies import Strategy
from torch import nn

from cotrain.ensemble.losses import CoTrainingLossTerms
from cotrain.training import tensor_lists
from cotrain.training.late import Late
from cotrain.training.tensor_lists import Lists, TensorLists, buffers

# Skipping is for a stray bad batch; this many in a row mean that the weights are lost.
MOST_SKIPPED_IN_A_ROW = 10


class NotFiniteError(Exception):
    """The loss, or a weight, is NaN or infinite."""


@dataclass(frozen=True, kw_only=True)
class _Noted:
    """The loss of one step.

    Args:
        step: Optimizer step, from 0.
        epoch: Epoch, from 0.
        values: Whether it is not finite in any process; cross-entropy; divergence.
    """

    step: int
    epoch: int
    values: Late


class LossWatch:
    """Remembers the last loss, and says whether it was finite in every process.

    Its numbers are on their way while the step goes on; looked at in the next step they are there.
    """

    def __init__(self) -> None:
        self._noted: _Noted | None = None

    def note(self, terms: CoTrainingLossTerms, *, step: int, epoch: int) -> None:
        """Remember the loss of a step; every process must call it."""
        infinite = (~torch.isfinite(terms.total.detach())).to(terms.total.dtype)
        values = torch.stack([infinite, terms.cross_entropy.detach(), terms.divergence.detach()])
        self._noted = _Noted(step=step, epoch=epoch, values=Late(values, shared=1))

    @property
    def late(self) -> bool:
        """Whether looking at the last loss now would wait for a GPU, or for another process."""
        return self._noted is not None and self._noted.values.waits

    def problem(self) -> str | None:
        """What is wrong with the loss noted last, in any process; None if it is finite."""
        if self._noted is None:
            return None
        infinite, cross_entropy, divergence = self._noted.values.numbers()
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


class StepGuard:
    """Decides for every step whether its loss is learnt from, skipped, or ends training.

    On a GPU, or with several processes, a loss that is not finite ends training in the next step,
    or before anything is saved, so that no step waits. Only skipping waits, as it
    must decide in the step.

    Args:
        module: The networks, whose BatchNorm statistics a skipped step leaves as they were.
        skip: Skip steps instead of ending training.
    """

    def __init__(self, module: nn.Module, *, skip: bool) -> None:
        self.skip = skip
        self.watch = LossWatch()
        self.skipped = 0
        self.skipped_in_a_row = 0
        self._buffers = TensorLists(module, buffers)
        self._now: Lists = []
        self._before: Lists = []

    def begin(self) -> None:
        """Keep what the forward pass of a step changes."""
        if not self.skip:
            return
        if self._now is not self._buffers():  # the first step, or they were moved
            self._now = self._buffers()
            self._before = [[torch.empty_like(each) for each in same] for same in self._now]
        tensor_lists.copy(self._now, self._before)

    def accepts(self, terms: CoTrainingLossTerms, *, step: int, epoch: int) -> bool:
        """Whether to learn from a step's loss; every process must call it.

        Raises:
            NotFiniteError: The loss of this step or the one before is not finite, or those of too
                many steps in a row.
        """
        self.watch.check()  # the step before
        self.watch.note(terms, step=step, epoch=epoch)
        problem = self.watch.problem() if self.skip or not self.watch.late else None
        if problem is None:
            self.skipped_in_a_row = 0
            return True
        self.skipped_in_a_row += 1
        if not self.skip or self.skipped_in_a_row > MOST_SKIPPED_IN_A_ROW:
            raise NotFiniteError(problem)
        self.skipped += 1
        self.watch = LossWatch()
        tensor_lists.copy(self._before, self._buffers())
        return False


def check_weights(module: nn.Module, *, step: int, strategy: Strategy) -> None:
    """Raise NotFiniteError if a weight or a buffer is not finite; every process must call it."""
    finite = torch.stack([value.isfinite().all() for value in module.state_dict().values()])
    if strategy.reduce_boolean_decision(not finite.all(), all=False):
        raise NotFiniteError(f"the weights after step {step} are not finite")
