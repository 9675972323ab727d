"""Scores of the classes against scikit-learn, also of classes that are never asked or answered."""

import json
import math
import warnings
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import (
    balanced_accuracy_score,
    confusion_matrix,
    precision_recall_fscore_support,
)

from cotrain.evaluation import by_class as by_class_file
from cotrain.evaluation import evaluate_logits
from cotrain.evaluation.by_class import Confusion, scores_by_class

LABELS = ("ant", "bee", "cat", "dog", "eel")


def answered(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Nobody asks for eels, and nobody answers dog; every third image is taken for anything."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(4, (60,), generator=generator)
    guesses = torch.randint(5, (60,), generator=generator)
    answers = torch.where(torch.arange(60) % 3 == 0, guesses, targets)
    return torch.where(answers == 3, 4, answers), targets


@pytest.mark.parametrize("seed", range(5))
def test_every_number_is_that_of_scikit_learn(seed: int) -> None:
    answers, targets = answered(seed)
    found = scores_by_class(answers, targets, LABELS)
    options: dict[str, Any] = {"labels": range(5), "zero_division": math.nan}
    scores = precision_recall_fscore_support(targets, answers, **options)
    precision, recall, f1, images = map(np.asarray, scores)
    columns = {"precision": precision, "recall": recall, "f1": f1}
    for name, expected in columns.items():
        own = [getattr(each, name) for each in found.classes]
        assert [math.nan if each is None else each for each in own] == pytest.approx(
            expected.tolist(), nan_ok=True
        )
    assert [each.images for each in found.classes] == images.tolist()
    assert [each.label for each in found.classes] == list(LABELS)
    matrix = confusion_matrix(targets, answers, labels=range(5))
    assert found.confusion_matrix == matrix.tolist()
    assert [each.answers for each in found.classes] == matrix.sum(0).tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it has no recall of what is not asked
        expected = balanced_accuracy_score(targets, answers)
    assert found.balanced_accuracy == pytest.approx(expected)


def test_confusions_are_the_cells_beside_the_diagonal_from_the_largest() -> None:
    targets = torch.tensor([0, 0, 0, 1, 1, 2, 2, 3])
    answers = torch.tensor([1, 1, 0, 0, 1, 0, 1, 3])
    assert scores_by_class(answers, targets, LABELS).confusions == (
        Confusion(truth="ant", answer="bee", images=2),
        Confusion(truth="bee", answer="ant", images=1),
        Confusion(truth="cat", answer="ant", images=1),
        Confusion(truth="cat", answer="bee", images=1),
    )
    assert scores_by_class(targets, targets, LABELS).confusions == ()


def test_matrix_is_left_out_where_it_would_be_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_class_file, "LARGEST_MATRIX", 4)
    assert scores_by_class(*answered(0), LABELS).confusion_matrix is None


def test_one_class() -> None:
    found = scores_by_class(torch.zeros(3).long(), torch.zeros(3).long(), ["ant"])
    assert found.confusion_matrix == [[3]]
    assert found.balanced_accuracy == 1


def test_it_is_of_the_combined_answer() -> None:
    """Of equally probable classes the first counts, as in the accuracy."""
    logits = torch.tensor([[[4.0, 0, 0], [0, 4, 0]], [[0.0, 4, 0], [0, 0, 1]]])
    targets = torch.tensor([0, 2])
    evaluation = evaluate_logits(logits, targets, classes=LABELS[:3])
    assert evaluation.by_class == scores_by_class(torch.tensor([0, 1]), targets, LABELS[:3])
    record = json.loads(json.dumps(evaluation.to_dict()))["by_class"]
    assert record["confusion_matrix"] == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
    assert record["classes"][0] == asdict(evaluation.by_class.classes[0])
    assert [each.label for each in evaluate_logits(logits, targets).by_class.classes] == [*"012"]
