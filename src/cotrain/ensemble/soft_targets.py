"""What a teacher answers to the views of a batch, and how far the networks are from it.

Shapes: S networks, B batch, C classes.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from cotrain.basics.shapes import Float


@dataclass(frozen=True, kw_only=True, eq=False)
class SoftTargets:
    """A teacher's answers to the views of a batch, which are learnt beside the labels.

    Args:
        scores: Whose softmax is the answer; held constant.
        weight: Share of the teacher in the loss, from 0 to 1.
        temperature: T, by which the scores and the networks' logits are divided.
    """

    scores: Float[Tensor, "S B C"]
    weight: float
    temperature: float

    def divergence(self, logits: Float[Tensor, "S B C"]) -> Float[Tensor, ""]:
        """``T^2 * KL(p_teacher || p_network)``, summed over the networks, mean over the batch.

        In nats, from 0 (equal answers). p are softmaxes at temperature T, whose square makes up
        for the gradient, which T divides twice. As the cross-entropy it is a sum over the
        networks: each learns as if it were alone.

        Source: arXiv:1503.02531, Section 2.
        """
        log_p, log_q = (
            F.log_softmax(full(each) / self.temperature, dim=-1)
            for each in (logits, self.scores.detach())
        )
        of_views = (log_q.exp() * (log_q - log_p)).sum(-1)
        return self.temperature**2 * of_views.mean(-1).sum()


def full(logits: Tensor) -> Tensor:
    """float32 instead of half precision, in which exponentials of logits over- and underflow."""
    return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
