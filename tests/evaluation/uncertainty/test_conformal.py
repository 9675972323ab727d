"""Sets of classes: their definition by brute force, and that they hold what they promise."""

from typing import get_args

import numpy as np
import pytest
import torch

from cotrain import ConfigError
from cotrain.config.calibration import SetMethod
from cotrain.ensemble.calibration import PredictionSets
from cotrain.evaluation.uncertainty.conformal import fit_sets, sets_of, strangeness


def answers(images: int, generator: torch.Generator, classes: int = 8):
    """Probabilities that are far too certain, and classes."""
    logits = torch.randn(images, classes, generator=generator, dtype=torch.float64)
    targets = logits.softmax(-1).multinomial(1, generator=generator).squeeze(1)
    return (4 * logits).softmax(-1), targets


def test_strangeness_by_brute_force():
    p, _ = answers(30, torch.Generator().manual_seed(0))
    for method in get_args(SetMethod):
        found = strangeness(p, method)
        for row, scores in zip(p.tolist(), found.tolist(), strict=True):
            for label, probability in enumerate(row):
                place = sum(other > probability for other in row) + 1
                expected = {
                    "lac": 1 - probability,
                    "aps": sum(other for other in row if other >= probability),
                    "raps": sum(other for other in row if other >= probability)
                    + 0.01 * max(0, place - 5),
                }
                assert scores[label] == pytest.approx(expected[method])


def test_threshold_by_hand():
    """Of 19 images, 0.9 takes the 18th smallest of the strangenesses of the right class."""
    p = torch.linspace(0.05, 0.95, 19).double()
    rule = fit_sets(torch.stack([p, 1 - p], -1), torch.zeros(19).long(), "lac", 0.9)
    assert rule.threshold == pytest.approx(0.90)
    assert rule.coverage == 0.9
    inside = sets_of(torch.tensor([[0.1, 0.9], [0.09, 0.91], [0.5, 0.5]]).double(), rule)
    assert inside.tolist() == [[True, True], [False, True], [True, True]]


def test_no_set_is_empty():
    rule = PredictionSets(method="lac", coverage=0.5, threshold=0.01)
    assert sets_of(torch.tensor([[0.3, 0.4, 0.3]]).double(), rule).tolist() == [
        [False, True, False]
    ]


@pytest.mark.parametrize("method", get_args(SetMethod))
@pytest.mark.parametrize("coverage", [0.8, 0.95])
def test_new_images_are_covered_as_promised(method, coverage):
    """Mean of 400 calibrations of 99 images: in [coverage, coverage + 1/100], but for its error."""
    generator = torch.Generator().manual_seed(0)
    held = []
    for _ in range(400):
        p, targets = answers(399, generator)
        rule = fit_sets(p[:99], targets[:99], method, coverage)
        inside = sets_of(p[99:], rule)
        held.append(inside.gather(1, targets[99:, None]).double().mean().item())
    error = 3 * np.std(held) / 20
    assert coverage - error <= np.mean(held) <= coverage + 0.01 + error


def test_too_few_images_for_a_coverage():
    p, targets = answers(50, torch.Generator().manual_seed(0))
    with pytest.raises(
        ConfigError, match=r"coverage=0\.99 takes 99 images to calibrate on, there are 50"
    ):
        fit_sets(p, targets, "lac", 0.99)
