"""Whether probabilities are right as often as they say: calibration errors, Brier's parts.

Shapes: N images, C classes. Everything is computed in float64.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from sklearn.isotonic import isotonic_regression
from torch import Tensor

from cotrain.basics.shapes import Bool, Float, Int
from cotrain.evaluation.scores import BINS, scores_of

_CHUNK = 4096  # images whose bins are held at once


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
    images, classes = p.shape
    gaps = torch.zeros(classes * BINS, dtype=torch.float64)
    for some, truth in zip(p.split(_CHUNK), targets.split(_CHUNK), strict=True):
        bins = (some * BINS).long().clamp(max=BINS - 1) + BINS * torch.arange(classes)
        gap = some.double() - F.one_hot(truth, classes)
        gaps.index_add_(0, bins.flatten(), gap.flatten())
    return gaps.abs().sum().item() / (images * classes)


def brier_parts(p: Float[Tensor, "N C"], targets: Int[Tensor, " N"]) -> tuple[float, float, float]:
    """Miscalibration, discrimination and uncertainty; Brier = first - second + third.

    Of each class against all others, summed; recalibrated by isotonic regression, so that no bins
    have to be chosen.

    Source: arXiv:2008.03033, Eq. 4.
    """
    images, raw, best, constant = len(p), 0.0, 0.0, 0.0
    for label, column in enumerate(p.T.contiguous()):
        hit = (targets == label).double()
        share = hit.mean().item()
        raw += (hit - column).square().mean().item()
        best += _least_distance(column, hit.bool()) / images
        constant += share * (1 - share)
    return raw - best, constant - best, constant


def _least_distance(column: Float[Tensor, " N"], hit: Bool[Tensor, " N"]) -> float:
    """The squared distance of hits to their isotonic regression on a class's probabilities.

    Images go into blocks that regression cannot part: from one probability of a hit up to the
    next, as what follows a hit is lower than it. A class has few hits and so few blocks.
    """
    levels, hits = column[hit].unique(return_counts=True)
    blocks = torch.bucketize(column, levels, right=True)
    sizes = blocks.bincount(minlength=len(levels) + 1).double()
    hits = torch.cat([torch.zeros(1), hits]).double()  # below the first level there is none
    sizes, hits = sizes[sizes > 0], hits[sizes > 0]
    fitted = isotonic_regression((hits / sizes).numpy(), sample_weight=sizes.numpy())
    share = torch.from_numpy(fitted)
    return (hits * (1 - share).square() + (sizes - hits) * share.square()).sum().item()
