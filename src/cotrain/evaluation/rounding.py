"""What answering in half precision costs: how far the answers are from the exact ones."""

from dataclasses import dataclass

from torch import Tensor

from cotrain.basics.shapes import Float, Int
from cotrain.config.combining import Combine
from cotrain.config.dtype import Dtype
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.combining import log_probabilities


@dataclass(frozen=True, kw_only=True)
class Rounding:
    """The ensemble's answers in half precision, less those in float32.

    Args:
        dtype: What the networks computed in.
        changed: Share of the images that got another class.
        top1: Difference of the share of right answers.
        nll: Difference of the negative log-likelihood, in nats.
        probability: Largest difference of a probability, in magnitude.
    """

    dtype: Dtype
    changed: float
    top1: float
    nll: float
    probability: float


def rounding_of(
    rounded: Float[Tensor, "S N C"],
    exact: Float[Tensor, "S N C"],
    targets: Int[Tensor, " N"],
    dtype: Dtype,
    *,
    combine: Combine,
    calibration: Calibration | None,
) -> Rounding:
    """Compare the answers to the same images.

    Args:
        rounded: Logits in half precision.
        exact: Logits in float32.
        targets: The images' classes.
        dtype: What ``rounded`` was computed in.
        combine: How the answers become one.
        calibration: What was fitted for this way; None for answers as they are.
    """
    ours, theirs = (log_probabilities(each, combine, calibration) for each in (rounded, exact))
    answers, expected = ours.argmax(-1), theirs.argmax(-1)
    right = (answers == targets).double().mean() - (expected == targets).double().mean()
    likelihood = (theirs - ours).gather(1, targets[:, None]).mean()
    return Rounding(
        dtype=dtype,
        changed=float((answers != expected).double().mean()),
        top1=float(right),
        nll=float(likelihood),
        probability=float((ours.exp() - theirs.exp()).abs().max()),
    )
