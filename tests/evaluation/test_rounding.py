"""What half precision costs, against sums by hand."""

import pytest
import torch

from cotrain.evaluation.rounding import rounding_of


def test_differences_of_classes_scores_and_probabilities():
    exact = torch.tensor([[[2.0, 0.0], [0.1, 0.0], [0.0, 1.0], [0.0, 3.0]]])
    rounded = torch.tensor([[[2.0, 0.0], [0.0, 0.1], [0.0, 1.5], [0.0, 3.0]]])
    targets = torch.tensor([0, 0, 1, 0])
    found = rounding_of(rounded, exact, targets, "bf16", combine="mean_logits", calibration=None)
    assert found.dtype == "bf16"
    assert found.changed == 0.25  # the second
    assert found.top1 == -0.25
    p, q = exact[0].double().softmax(-1), rounded[0].double().softmax(-1)
    nll = [-(q[i, t].log() - p[i, t].log()) for i, t in enumerate(targets.tolist())]
    assert found.nll == pytest.approx(float(sum(nll)) / 4)
    assert found.probability == pytest.approx(float((p - q).abs().max()))


def test_equal_answers_cost_nothing():
    logits = torch.randn(3, 5, 4)
    same = (logits, logits.clone(), torch.zeros(5, dtype=torch.int64), "fp16")
    found = rounding_of(*same, combine="mean_probabilities", calibration=None)
    assert (found.changed, found.top1, found.nll, found.probability) == (0, 0, 0, 0)
