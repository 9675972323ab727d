"""How good the ensemble's answers are for each class, and which classes it takes for which.

Shapes: N images, C classes. Shares are plain numbers, not percent.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torchmetrics.functional.classification import multiclass_confusion_matrix

from cotrain.basics.shapes import Int

# With more classes the matrix would take more room than the logits.
LARGEST_MATRIX = 1000
_NAMED = 10  # confusions


@dataclass(frozen=True, kw_only=True)
class ClassScores:
    """How good the answers are for one class; what would be 0 / 0 is None.

    Args:
        label: The class.
        images: Images of it.
        answers: Images that were taken for it.
        recall: Share of its images that were taken for it.
        precision: Share of the images taken for it that are of it.
        f1: Harmonic mean of recall and precision.
    """

    label: str
    images: int
    answers: int
    recall: float | None
    precision: float | None
    f1: float | None


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Images of one class that were taken for another.

    Args:
        truth: Their class.
        answer: What they were taken for.
        images: How many.
    """

    truth: str
    answer: str
    images: int


@dataclass(frozen=True, kw_only=True)
class ByClass:
    """The ensemble's answers, class by class.

    Args:
        balanced_accuracy: Mean of the recalls of the classes that have images.
        classes: Of every class, in order.
        confusions: The 10 largest, the largest first; fewer if there are no more.
        confusion_matrix: [C, C], images of the class of the row that were taken for that of the
            column; None above 1,000 classes.
    """

    balanced_accuracy: float
    classes: tuple[ClassScores, ...]
    confusions: tuple[Confusion, ...]
    confusion_matrix: list[list[int]] | None


def scores_by_class(
    answers: Int[Tensor, " N"], targets: Int[Tensor, " N"], labels: Sequence[str]
) -> ByClass:
    """Scores of answers.

    Args:
        answers: The class that each image was taken for.
        targets: Its own.
        labels: Names of the C classes.
    """
    count = len(labels)
    columns = (targets, answers, targets[answers == targets])
    images, answered, right = (each.bincount(minlength=count).tolist() for each in columns)
    classes = tuple(map(_scores, labels, images, answered, right))
    recalls = [each.recall for each in classes if each.recall is not None]
    matrix = None
    if count <= LARGEST_MATRIX:
        # Two classes stand for one, which torchmetrics refuses; its counts stay the same.
        least = max(count, 2)
        found = multiclass_confusion_matrix(answers, targets, num_classes=least)
        matrix = found[:count, :count].tolist()
    return ByClass(
        balanced_accuracy=sum(recalls) / len(recalls),
        classes=classes,
        confusions=_largest_confusions(answers, targets, labels),
        confusion_matrix=matrix,
    )


def _scores(label: str, images: int, answers: int, right: int) -> ClassScores:
    return ClassScores(
        label=label,
        images=images,
        answers=answers,
        recall=right / images if images else None,
        precision=right / answers if answers else None,
        f1=2 * right / (images + answers) if images + answers else None,
    )


def _largest_confusions(
    answers: Int[Tensor, " N"], targets: Int[Tensor, " N"], labels: Sequence[str]
) -> tuple[Confusion, ...]:
    """Of equally large ones the first class comes first."""
    wrong = answers != targets
    pairs, counts = torch.stack([targets[wrong], answers[wrong]], 1).unique(
        dim=0, return_counts=True
    )
    largest = counts.argsort(descending=True, stable=True)[:_NAMED]
    return tuple(
        Confusion(truth=labels[int(truth)], answer=labels[int(answer)], images=images)
        for (truth, answer), images in zip(
            pairs[largest].tolist(), counts[largest].tolist(), strict=True
        )
    )
