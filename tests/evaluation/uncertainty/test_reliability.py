"""Calibration errors and Brier's parts, against brute force and scikit-learn."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss

from cotrain.evaluation.scores import scores_of
from cotrain.evaluation.uncertainty.reliability import (
    Bin,
    brier_parts,
    classwise_error,
    equal_mass_error,
    reliability_bins,
    reliability_of,
)


def answers(images: int = 500, classes: int = 4, *, seed: int = 0, scale: float = 2.0):
    """Log-probabilities, more certain than they should be, and classes."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(images, classes, generator=generator, dtype=torch.float64)
    targets = logits.softmax(-1).multinomial(1, generator=generator).squeeze(1)
    return (scale * logits).log_softmax(-1), targets


def test_equal_mass_by_brute_force():
    log_p, targets = answers(503)
    confidence, label = (each.numpy() for each in log_p.exp().max(-1))
    order = np.argsort(confidence, kind="stable")
    expected = sum(
        len(part) / 503 * abs(confidence[part].mean() - (label == targets.numpy())[part].mean())
        for part in np.array_split(order, 15)
    )
    found = equal_mass_error(torch.tensor(confidence), torch.tensor(label) == targets)
    assert found == pytest.approx(expected, rel=1e-12)


def test_equal_mass_by_scikit_learn():
    """Its curve has no counts, but of 450 distinct confidences every quantile bin holds 30."""
    log_p, targets = answers(450)
    confidence, label = log_p.exp().max(-1)
    right = (label == targets).numpy()
    curve = calibration_curve(right, confidence.numpy(), n_bins=15, strategy="quantile")
    assert equal_mass_error(confidence, torch.tensor(right)) == pytest.approx(
        np.abs(curve[0] - curve[1]).mean(), rel=0.02
    )


def test_classwise_by_brute_force():
    log_p, targets = answers()
    p, hits = log_p.exp().numpy(), np.eye(4)[targets.numpy()]
    errors = []
    for column, hit in zip(p.T, hits.T, strict=True):
        bins = np.minimum((column * 15).astype(int), 14)
        errors.append(
            sum(abs((column - hit)[bins == each].sum()) for each in range(15)) / len(column)
        )
    assert classwise_error(log_p.exp(), targets) == pytest.approx(np.mean(errors), abs=1e-6)


def test_parts_of_brier_by_brute_force():
    """The best monotone change, as the least of all means of runs from above (minimax formula)."""
    log_p, targets = answers(60, 3)
    p, miscalibration, discrimination, uncertainty = log_p.exp(), 0.0, 0.0, 0.0
    for label in range(3):
        column, hit = p[:, label].numpy(), (targets == label).double().numpy()
        sums = np.concatenate([[0], hit[np.argsort(column)].cumsum()])
        best = np.empty(60)
        for place, at in enumerate(np.argsort(column)):
            best[at] = max(
                min((sums[j] - sums[i]) / (j - i) for j in range(place + 1, 61))
                for i in range(place + 1)
            )
        miscalibration += brier_score_loss(hit, column) - brier_score_loss(hit, best)
        discrimination += hit.var() - brier_score_loss(hit, best)
        uncertainty += hit.var()
    found = brier_parts(p, targets)
    assert found == pytest.approx((miscalibration, discrimination, uncertainty), abs=1e-12)


@given(
    seed=st.integers(0, 2**32), classes=st.integers(2, 6), scale=st.sampled_from([0.0, 1.0, 9.0])
)
def test_the_parts_make_the_whole(seed, classes, scale):
    log_p, targets = answers(40, classes, seed=seed, scale=scale)
    found = reliability_of(log_p, targets)
    assert found.brier == pytest.approx(
        found.miscalibration - found.discrimination + found.uncertainty, abs=1e-12
    )
    assert found.brier == scores_of(log_p, targets).brier
    assert min(found.miscalibration, found.discrimination, found.uncertainty) >= -1e-12
    assert 0 <= found.ece <= 1
    assert 0 <= found.ece_equal_mass <= 1
    assert 0 <= found.classwise_ece <= 1


def test_probabilities_that_underflow_have_parts():
    log_p, targets = answers(scale=400)
    found = brier_parts(log_p.exp(), targets)
    assert found[0] - found[1] + found[2] == pytest.approx(scores_of(log_p, targets).brier)


def test_certain_and_right_has_no_error():
    log_p = torch.eye(3, dtype=torch.float64).repeat(20, 1).mul(1e4).log_softmax(-1)
    found = reliability_of(log_p, torch.arange(3).repeat(20))
    assert found.classwise_ece == pytest.approx(0, abs=1e-6)
    assert found.ece_equal_mass == found.miscalibration == 0
    assert found.discrimination == pytest.approx(2 / 3)


def test_calibrated_answers_have_little_error():
    good, bad = (reliability_of(*answers(20_000, scale=each)) for each in (1.0, 3.0))
    for name in ("ece", "ece_equal_mass", "classwise_ece", "miscalibration"):
        assert getattr(good, name) < 0.02 < getattr(bad, name)
    assert good.discrimination == pytest.approx(bad.discrimination, rel=0.02)


def test_the_gaps_of_the_bins_are_the_calibration_error():
    bins = reliability_bins(*answers())
    gap = sum(each.images * abs(each.confidence - each.accuracy) for each in bins) / 500
    assert gap == pytest.approx(scores_of(*answers()).ece, abs=1e-6)
    assert sum(each.images for each in bins) == 500


def test_certain_answers_are_in_the_last_bin():
    log_p = torch.tensor([[0.0, -torch.inf], [0.0, -torch.inf]], dtype=torch.float64)
    [only] = reliability_bins(log_p, torch.tensor([0, 1]))
    assert only == Bin(confidence=1.0, accuracy=0.5, images=2)


@pytest.mark.parametrize("digits", [1, 2, 12])
def test_parts_of_brier_by_scikit_learn_where_probabilities_are_equal(digits):
    log_p, targets = answers(300, 5, seed=digits)
    targets[targets == 4] = 0  # a class without an image
    p = log_p.exp().round(decimals=digits)
    best = 0.0
    for label in range(5):
        hit = (targets == label).double().numpy()
        fitted = IsotonicRegression().fit_transform(p[:, label].numpy(), hit)
        best += ((hit - fitted) ** 2).mean()
    shares = targets.bincount(minlength=5).double() / 300
    miscalibration, discrimination, uncertainty = brier_parts(p, targets)
    assert uncertainty == pytest.approx((shares * (1 - shares)).sum().item(), rel=1e-12)
    assert uncertainty - discrimination == pytest.approx(best, rel=1e-12)
    raw = (p - torch.nn.functional.one_hot(targets, 5)).square().sum(-1).mean().item()
    assert miscalibration == pytest.approx(raw - best, rel=1e-9)
