"""How good the networks and their ensemble are: accuracy, calibration, diversity.

Shapes: S networks, N images, C classes. Accuracies, Brier and ECE are plain numbers, not percent.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torchmetrics.functional.classification import multiclass_calibration_error

from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Float, Int
from cotrain.config.combining import Combine
from cotrain.ensemble.answering import Answering
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.combining import log_probabilities, mutual_information
from cotrain.evaluation.by_class import ByClass, scores_by_class

BINS = 15  # the number of arXiv:1706.04599, which made ECE common
_CHUNK = 4096  # images whose float64 probabilities are held at once


@dataclass(frozen=True, kw_only=True)
class Scores:
    """How good one network, or the ensemble, is on the test images.

    Args:
        top1: Share of the images whose most probable class is right; of equally probable ones the
            first counts, as in every answer.
        top5: Share of the images whose class is among the five most probable; None up to 5 classes.
        nll: Negative log-likelihood in nats, mean over the images.
        brier: Squared distance of the probabilities to the one-hot class, from 0 to 2.
        ece: Expected calibration error: mean of abs(confidence - accuracy) over 15 bins.
    """

    top1: float
    top5: float | None
    nll: float
    brier: float
    ece: float


@dataclass(frozen=True, kw_only=True)
class Diversity:
    """How differently the networks answer; both are 0 for S=1.

    Args:
        disagreement: Share of the images on which two networks name different classes, mean over
            all pairs.
        mutual_information: Of the class and the choice of a network, in nats, mean over the images.
    """

    disagreement: float
    mutual_information: float


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Every network, the ensemble, and the networks' diversity, on the same images.

    Args:
        networks: Scores of each of the S networks alone.
        ensemble: Scores of their combined answer.
        diversity: How much they differ.
        images: N.
        combine: How the S answers became one.
        by_class: The combined answer, class by class.
        uncalibrated: Scores of the combined answer before calibration; None where there is none.
    """

    networks: tuple[Scores, ...]
    ensemble: Scores
    diversity: Diversity
    images: int
    combine: Combine
    by_class: ByClass
    uncalibrated: Scores | None = None

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON-able values; without a calibration it does not speak of one."""
        record = {**asdict(self), "networks": [asdict(each) for each in self.networks]}
        if self.uncalibrated is None:
            del record["uncalibrated"]
        return record


def check_classes(ensemble: Answering, classes: Sequence[str]) -> None:
    """Raise ConfigError unless the ensemble answers in the classes of the data, in their order."""
    outputs, known = ensemble.spec.num_classes, ensemble.spec.classes
    if outputs != len(classes):
        raise ConfigError(
            f"the ensemble has {outputs} classes, but the data {len(classes)}: "
            "give data with the classes that it was trained on"
        )
    for index, (own, other) in enumerate(zip(known, classes, strict=False)):
        if own != other:
            raise ConfigError(
                f"class {index} is {own!r} in the ensemble, but {other!r} in the data: "
                "give data with the classes that it was trained on, in the same order"
            )


def evaluate_logits(
    logits: Float[Tensor, "S N C"],
    targets: Int[Tensor, " N"],
    combine: Combine = "mean_logits",
    calibration: Calibration | None = None,
    classes: Sequence[str] | None = None,
) -> Evaluation:
    """Scores of every network and of the ensemble, computed in float64.

    Args:
        logits: Of all images.
        targets: Their classes.
        combine: How the S answers become one.
        calibration: What the combined answer is calibrated by.
        classes: Names of the C classes; their numbers if None.

    Raises:
        ConfigError: Shapes or classes do not fit each other, or a network gives NaN or infinity.
    """
    check_answers(logits, targets)

    def combined(calibration: Calibration | None) -> Tensor:
        return _in_parts(lambda z: log_probabilities(z, combine, calibration), logits)

    log_p, calibrates = combined(calibration), calibration and calibration.method != "none"
    labels = classes or tuple(map(str, range(logits.shape[-1])))
    return Evaluation(
        networks=tuple(scores_of(z.double().log_softmax(-1), targets) for z in logits),
        ensemble=scores_of(log_p, targets),
        uncalibrated=scores_of(combined(None), targets) if calibrates else None,
        diversity=Diversity(
            disagreement=disagreement_of(logits.argmax(-1)),
            mutual_information=_in_parts(mutual_information, logits).mean().item(),
        ),
        images=len(targets),
        combine=combine,
        by_class=scores_by_class(log_p.argmax(-1), targets, labels),
    )


def _in_parts(
    function: Callable[[Tensor], Tensor], logits: Float[Tensor, "S N C"]
) -> Float[Tensor, "N ..."]:
    """``function(logits)`` on a few images [S, _CHUNK, C] at a time, to bound the memory."""
    return torch.cat([function(part) for part in logits.split(_CHUNK, dim=1)])


def disagreement_of(labels: Int[Tensor, "S N"]) -> float:
    """Share of differing labels over the S (S - 1) ordered pairs of networks."""
    into, images = labels.shape
    return differing_labels(labels).item() / (ordered_pairs(into) * images)


def differing_labels(labels: Int[Tensor, "S N"]) -> Int[Tensor, ""]:
    """Differing labels over all images and ordered pairs of networks; waits for no device."""
    return (labels[:, None] != labels).sum()


def ordered_pairs(into: int) -> int:
    """What differing labels are divided by: S (S - 1); 1 for one network, which has no pair."""
    return max(into * (into - 1), 1)


def scores_of(log_p: Float[Tensor, "N C"], targets: Int[Tensor, " N"]) -> Scores:
    """Scores of log-probabilities in float64."""
    classes = log_p.shape[-1]
    p = log_p.exp()
    hit = p.gather(1, targets[:, None]).squeeze(1)
    places = _places(log_p, targets)
    return Scores(
        top1=(places < 1).double().mean().item(),
        top5=(places < 5).double().mean().item() if classes > 5 else None,
        nll=-log_p.gather(1, targets[:, None]).mean().item(),
        brier=(p.square().sum(-1) - 2 * hit + 1).mean().item(),
        # A confidence of exactly 1 would get a bin of its own, the 16th.
        ece=multiclass_calibration_error(
            p.clamp(max=1 - 2**-24), targets, num_classes=classes, n_bins=BINS, norm="l1"
        ).item(),
    )


def _places(log_p: Float[Tensor, "N C"], targets: Int[Tensor, " N"]) -> Int[Tensor, " N"]:
    """Place of the right class among all, from 0: below how many classes it stands."""
    right = log_p.gather(1, targets[:, None])
    earlier = torch.arange(log_p.shape[-1]) < targets[:, None]
    return ((log_p > right) | ((log_p == right) & earlier)).sum(-1)


def check_answers(logits: Tensor, targets: Tensor) -> None:
    """Raise ConfigError unless logits [S, N, C] are finite and targets [N] are their classes."""
    if logits.dim() != 3 or targets.shape != logits.shape[1:2] or not len(targets):
        raise ConfigError(
            f"logits of shape {list(logits.shape)} and targets of shape {list(targets.shape)}: "
            "give [S, N, C] and [N], with at least one image"
        )
    classes = logits.shape[-1]
    if targets.min() < 0 or targets.max() >= classes:
        raise ConfigError(
            f"targets go from {int(targets.min())} to {int(targets.max())}, but the logits have "
            f"{classes} classes: give data with the classes that the ensemble was trained on"
        )
    for index, each in enumerate(logits):
        if not each.isfinite().all():
            raise ConfigError(
                f"network {index} gives NaN or infinite logits: its training failed; train it again"
            )
