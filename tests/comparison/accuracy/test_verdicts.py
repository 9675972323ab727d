"""Answers read from a run's predictions, and what is said of them."""

from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from sklearn.metrics import log_loss

from cotrain.basics.run_folder import RunFolder
from cotrain.comparison.accuracy.statistics import Difference
from cotrain.comparison.accuracy.verdicts import read_run, verdict
from cotrain.ensemble.cost import Cost

EQUAL = Cost(params=10, macs=10, params_ratio=1.0, macs_ratio=1.0, equal=True)
DEARER = Cost(params=20, macs=30, params_ratio=2.0, macs_ratio=3.0, equal=False)


def over(mean, low, high, over: Any = "seeds and images"):
    return Difference(mean=mean, low=low, high=high, over=over)


LESS, MORE, UNCLEAR = over(-1.5, -2.0, -1.0), over(1.5, 1.0, 2.0), over(-0.5, -1.0, 0.25)
OF_ONE_SEED = over(-1.5, -2.0, -1.0, "images"), over(1.5, 1.0, 2.0, "images")


def test_answers_are_those_of_the_mean_of_logits(tmp_path):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 50, 4, generator=generator)
    targets = torch.randint(4, (50,), generator=generator)
    folder = RunFolder(tmp_path)
    safetensors.torch.save_file({"logits": logits, "targets": targets}, folder.predictions)
    answers = read_run(folder)
    mean = logits.double().mean(0)
    assert answers.errors.shape == answers.nlls.shape == (1, 50)
    wrong = (mean.argmax(-1) != targets).double().mean().item()
    assert answers.errors.mean() == pytest.approx(wrong * 100)
    assert set(answers.errors.ravel().tolist()) == {0.0, 100.0}
    assert answers.nlls.mean() == pytest.approx(log_loss(targets, mean.softmax(-1)))
    alone = [np.mean(each.argmax(-1).numpy() != targets.numpy()) for each in logits]
    assert answers.single_errors == pytest.approx([np.mean(alone) * 100])
    assert np.array_equal(answers.targets, targets)


@pytest.mark.parametrize(
    ("error", "nll", "cost", "sentence"),
    [
        (
            LESS,
            UNCLEAR,
            EQUAL,
            "error clearly better (-1.50, from -2.00 to -1.00 points), "
            "NLL no clear difference (-0.5000, from -1.0000 to +0.2500)",
        ),
        (
            MORE,
            LESS,
            DEARER,
            "error clearly worse: dividing does not help here (+1.50, from +1.00 to +2.00 points), "
            "NLL clearly better (-1.5000, from -2.0000 to -1.0000), "
            "at 2.00x the params and 3.00x the MACs",
        ),
        (
            *OF_ONE_SEED,
            EQUAL,
            "error lower with this seed (-1.50, from -2.00 to -1.00 points), "
            "NLL higher with this seed (+1.5000, from +1.0000 to +2.0000), "
            "intervals over images only: one seed says nothing of other seeds",
        ),
        (None, None, EQUAL, "no large network to compare with: S=1 was not trained"),
    ],
)
def test_verdict_is_plain(error, nll, cost, sentence):
    assert verdict(error, nll, cost) == sentence
