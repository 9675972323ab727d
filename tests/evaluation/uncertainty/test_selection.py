"""Risk and coverage, against brute force and scikit-learn."""

from itertools import pairwise, permutations
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from cotrain.evaluation.uncertainty.selection import (
    accepted_of_others,
    auroc,
    fit_signal,
    risk_coverage,
)

SETS = st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=40)


def tensors(rows):
    doubt, wrong = zip(*rows, strict=True)
    return torch.tensor(doubt).double(), torch.tensor(wrong)


@given(SETS)
def test_curve_by_brute_force(rows):
    doubt, wrong = tensors(rows)
    curve = risk_coverage(doubt, wrong)
    assert curve.doubt.tolist() == sorted(set(doubt.tolist()))
    for limit, coverage, risk in zip(curve.doubt, curve.coverage, curve.risk, strict=True):
        assert coverage == (doubt <= limit).double().mean()
        assert risk == wrong[doubt <= limit].double().mean()
    assert curve.risk[-1] == wrong.double().mean()


@given(st.lists(st.tuples(st.integers(0, 1), st.booleans()), min_size=1, max_size=6))
def test_aurc_is_the_mean_over_the_orders_of_equals(rows):
    doubt, wrong = tensors(rows)
    areas = []
    for order in permutations(range(len(rows))):
        if all(doubt[a] <= doubt[b] for a, b in pairwise(order)):
            errors = wrong.double().numpy()[list(order)]
            areas.append(np.mean(errors.cumsum() / np.arange(1, len(rows) + 1)))
    assert risk_coverage(doubt, wrong).aurc() == pytest.approx(np.mean(areas))


def test_aurc_by_hand():
    curve = risk_coverage(torch.tensor([0.1, 0.2, 0.3, 0.4]), torch.tensor([0, 1, 0, 1]).bool())
    assert curve.aurc() == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)


@given(SETS)
def test_augrc_follows_from_the_auroc(rows):
    """As arXiv:2407.01032 shows, where a failure is a positive."""
    doubt, wrong = tensors(rows)
    share = wrong.double().mean().item()
    area = auroc(doubt, wrong)
    expected = share**2 / 2 + (0 if area is None else (1 - area) * share * (1 - share))
    assert risk_coverage(doubt, wrong).augrc() == pytest.approx(expected)


@given(SETS)
def test_auroc_is_that_of_scikit_learn(rows):
    doubt, wrong = tensors(rows)
    if wrong.all() or not wrong.any():
        assert auroc(doubt, wrong) is None
    else:
        assert auroc(doubt, wrong) == pytest.approx(roc_auc_score(wrong, doubt))


@given(SETS, SETS)
def test_accepted_of_others_by_scikit_learn(own, other):
    mine, others = tensors(own)[0], tensors(other)[0]
    # Own images are the positives, whose score is the negative doubt.
    truth = [1] * len(mine) + [0] * len(others)
    false, true, _ = roc_curve(truth, -torch.cat([mine, others]), drop_intermediate=False)
    expected = false[np.argmax(true >= 0.95 - 1e-12)]
    assert accepted_of_others(mine, others) == pytest.approx(expected)


def test_coverage_at_a_risk():
    doubt, wrong = torch.arange(100).double(), torch.zeros(100).bool()
    wrong[[50, 60, 90]] = True
    curve = risk_coverage(doubt, wrong)
    assert curve.coverage_at(0.02) == 0.6
    assert curve.coverage_at(0.05) == 1
    assert curve.coverage_at(0) == 0.5
    assert risk_coverage(doubt, torch.ones(100)).coverage_at(0.5) == 0


def test_where_to_abstain():
    doubt, wrong = torch.arange(1000).double(), torch.zeros(1000).bool()
    wrong[600:] = True
    curve = risk_coverage(doubt, wrong)
    assert curve.abstain_above(0.1) == 664  # (65 + 1) / (665 + 1) is the last up to 0.1
    assert curve.abstain_above(0.001) is None  # which takes 999 images without an error


@pytest.mark.parametrize("risk", [0.05, 0.1])
def test_new_images_keep_the_risk_on_average(risk):
    """Threshold of 300 images, risk of all others; the worse the doubt, the more often wrong."""
    generator = torch.Generator().manual_seed(0)
    risks = []
    for _ in range(300):
        doubt = torch.rand(3300, generator=generator, dtype=torch.float64)
        wrong = torch.rand(3300, generator=generator) < doubt**2 / 2
        limit = risk_coverage(doubt[:300], wrong[:300]).abstain_above(risk)
        assert limit is not None
        risks.append(wrong[300:][doubt[300:] <= limit].double().mean())
    assert risk / 2 < np.mean(risks) <= risk + 0.002


def clearly_better(new, old, wrong) -> bool:
    """DeLong's test at two standard errors, by all pairs of a wrong and a right answer."""

    def pairs(doubt):
        difference = doubt[wrong][:, None] - doubt[~wrong][None, :]
        return (difference > 0).double() + (difference == 0).double() / 2

    gains = (pairs(new) - pairs(old)).numpy()
    by_wrong, by_right = gains.mean(1), gains.mean(0)
    variance = by_wrong.var(ddof=1) / len(by_wrong) + by_right.var(ddof=1) / len(by_right)
    return gains.mean() > 2 * np.sqrt(variance)


@pytest.mark.parametrize("seed", range(20))
def test_another_signal_is_chosen_where_it_is_clearly_better(seed):
    generator = torch.Generator().manual_seed(seed)
    wrong = torch.rand(60, generator=generator) < 0.3
    first, second = (torch.randn(60, generator=generator) + wrong * by for by in (0.3, 0.9))
    doubts: Any = {"maximum probability": first.round(), "entropy": second.double()}
    found = fit_signal(doubts, wrong)
    assert found is not None
    better = clearly_better(doubts["entropy"], doubts["maximum probability"], wrong)
    assert found.name == ("entropy" if better else "maximum probability")
    assert found.auroc == pytest.approx(roc_auc_score(wrong, doubts[found.name]))
    assert found.errors == int(wrong.sum())


def test_the_best_of_one_error_is_chance():
    wrong = torch.tensor([False] * 9 + [True])
    doubts: Any = {"maximum probability": torch.zeros(10), "entropy": wrong.double()}
    found = fit_signal(doubts, wrong)
    assert found is not None
    assert (found.name, found.auroc, found.errors) == ("maximum probability", 0.5, 1)
    assert fit_signal(doubts, wrong & False) is None
    assert fit_signal(doubts, wrong | True) is None
