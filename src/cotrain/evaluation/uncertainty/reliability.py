"""Whether probabilities are right as often as they say: calibration errors, Brier's parts.

Shapes: N images, C classes. Everything is computed in float64.
"""

from dataclasses import dataclass

import torch
from sklearn.isotonic import IsotonicRegression
from torch import Tensor
from torchmetrics.functional.classification import binary_calibration_error

from cotrain.basics.shapes import Float, Int
from cotrain.evaluation.scores import BINS, scores_of


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """How well probabilities are calibrated.

    Args:
        ece: Expected calibration error of the most probable class, over 15 bins of equal width.
        ece_equal_mass: The same over 15 bins of as many images each.
        classwise_ece: The error of each class's probability, over 15 bins; mean over the classes.
        brier: Squared distance of the probabilities to the one-hot class, which is miscalibration
            less discrimination plus uncertainty.
        miscalibration: What the best monotone change of each class's probability would gain.
        discrimination: What that is better than always giving the classes' frequencies.
        uncertainty: The Brier score of the classes' frequencies.
    """

    ece: float
    ece_equal_mass: float
    classwise_ece: float
    brier: float
    miscalibration: float
    discrimination: float
    uncertainty: float


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Answers of about the same probability.

    Args:
        confidence: Mean of their probabilities.
        accuracy: Share of them that is right.
        images: How many there are.
    """

    confidence: float
    accuracy: float
    images: int


def reliability_bins(log_p: Float[Tensor, "N C"], targets: Int[Tensor, " N"]) -> list[Bin]:
    """The answers in 15 bins of equal width of their probability, those that are not empty.

    The sum of ``images * abs(confidence - accuracy)`` over N is the expected calibration error.
    """
    confidence, label = log_p.exp().max(-1)
    right = (label == targets).double()
    places = (confidence * BINS).long().clamp(max=BINS - 1)
    counts = places.bincount(minlength=BINS)
    sums = [
        torch.zeros(BINS, dtype=torch.float64).index_add(0, places, each)
        for each in (confidence.double(), right)
    ]
    return [
        Bin(confidence=sums[0][i].item() / n, accuracy=sums[1][i].item() / n, images=n)
        for i, n in enumerate(counts.tolist())
        if n
    ]


def reliability_of(log_p: Float[Tensor, "N C"], targets: Int[Tensor, " N"]) -> Reliability:
    """The calibration of log-probabilities in float64."""
    p, scores = log_p.exp(), scores_of(log_p, targets)
    confidence, label = p.max(-1)
    miscalibration, discrimination, uncertainty = brier_parts(p, targets)
    return Reliability(
        ece=scores.ece,
        ece_equal_mass=equal_mass_error(confidence, label == targets),
        classwise_ece=classwise_error(p, targets),
        brier=scores.brier,
        miscalibration=miscalibration,
        discrimination=discrimination,
        uncertainty=uncertainty,
    )


def equal_mass_error(confidence: Float[Tensor, " N"], right: Tensor) -> float:
    """Mean of abs(confidence - accuracy) over 15 bins of equally many images (arXiv:1909.10155)."""
    order = confidence.argsort(stable=True)
    gaps = (confidence - right.double())[order]
    return sum(part.sum().abs().item() for part in gaps.tensor_split(BINS)) / len(gaps)


def classwise_error(p: Float[Tensor, "N C"], targets: Int[Tensor, " N"]) -> float:
    """Mean over the classes of abs(probability - frequency) over 15 bins (arXiv:1910.12656)."""
    # A probability of exactly 1 would get a bin of its own, the 16th.
    below_1 = p.clamp(max=1 - 2**-24).T.contiguous()
    errors = [
        binary_calibration_error(column, (targets == label).long(), n_bins=BINS, norm="l1")
        for label, column in enumerate(below_1)
    ]
    return torch.stack(errors).mean().item()


def brier_parts(p: Float[Tensor, "N C"], targets: Int[Tensor, " N"]) -> tuple[float, float, float]:
    """Miscalibration, discrimination and uncertainty; Brier = first - second + third.

    Of each class against all others, summed; recalibrated by isotonic regression, so that no bins
    have to be chosen.

    Source: arXiv:2008.03033, Eq. 4.
    """
    parts = torch.zeros(3, dtype=torch.float64)
    for label, column in enumerate(p.T):
        hit = (targets == label).double()
        ranks = column.unique(return_inverse=True)[1]  # probabilities may be too close to divide by
        fitted = IsotonicRegression(y_min=0, y_max=1).fit_transform(ranks.numpy(), hit.numpy())
        raw, best, constant = (
            (hit - each).square().mean() for each in (column, torch.from_numpy(fitted), hit.mean())
        )
        parts += torch.stack([raw - best, constant - best, constant])
    miscalibration, discrimination, uncertainty = parts.tolist()
    return miscalibration, discrimination, uncertainty
