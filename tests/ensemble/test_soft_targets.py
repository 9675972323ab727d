"""What a teacher adds to the loss, against scipy, and what it leaves alone."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import rel_entr, softmax

from cotrain.ensemble.losses import CoTrainingLoss
from cotrain.ensemble.soft_targets import SoftTargets


def drawn(seed: int = 0, into: int = 3) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits and scores [S, B, C] in float64, and classes [B]."""
    generator = torch.Generator().manual_seed(seed)
    logits, scores = torch.randn(2, into, 5, 7, generator=generator, dtype=torch.float64) * 3
    return logits, scores, torch.randint(7, (5,), generator=generator)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_divergence_is_that_of_scipy(temperature: float) -> None:
    logits, scores, _ = drawn()
    taught = SoftTargets(scores=scores, weight=0.5, temperature=temperature)
    p, q = (softmax(each.numpy() / temperature, axis=-1) for each in (logits, scores))
    expected = temperature**2 * rel_entr(q, p).sum(-1).mean(-1).sum()
    assert taught.divergence(logits).item() == pytest.approx(expected, rel=1e-12)


def test_half_precision_is_computed_in_float32() -> None:
    logits, scores, _ = drawn()
    half = SoftTargets(scores=scores.half(), weight=0.5, temperature=2.0).divergence(logits.half())
    assert half.dtype == torch.float32
    whole = SoftTargets(scores=scores, weight=0.5, temperature=2.0).divergence(logits)
    assert half.item() == pytest.approx(whole.item(), rel=1e-2)


@given(st.integers(0, 1000), st.floats(0.1, 100))
def test_it_is_at_least_0_and_0_for_equal_answers(seed: int, temperature: float) -> None:
    logits, scores, _ = drawn(seed)
    taught = SoftTargets(scores=scores, weight=0.5, temperature=temperature)
    assert taught.divergence(logits).item() >= -1e-9
    shifted = scores + torch.randn(3, 5, 1, dtype=torch.float64)  # the same probabilities
    assert taught.divergence(shifted).item() == pytest.approx(0, abs=1e-8)


def test_it_is_finite_for_huge_logits() -> None:
    logits = torch.tensor([[[1e4, -1e4, 0.0]]], requires_grad=True)
    taught = SoftTargets(scores=-logits, weight=1.0, temperature=0.01)
    loss = taught.divergence(logits)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("weight", [0.3, 0.8, 1.0])
def test_the_total_is_the_mean_by_weight(weight: float) -> None:
    logits, scores, targets = drawn()
    taught = SoftTargets(scores=scores, weight=weight, temperature=2.0)
    loss = CoTrainingLoss()
    alone, terms = (loss(logits, targets, weight=0.5, taught=each) for each in (None, taught))
    assert alone.teacher is None
    assert terms.teacher is not None
    assert terms.cross_entropy.item() == alone.cross_entropy.item()
    expected = (1 - weight) * alone.cross_entropy + weight * terms.teacher + 0.5 * alone.divergence
    assert terms.total.item() == pytest.approx(expected.item(), rel=1e-12)


def test_gradients_at_a_high_temperature_are_those_of_the_logits_distance() -> None:
    """Hinton et al., Eq. 4: (z - v) / C for zero-mean logits, which T^2 leaves unscaled."""
    logits, scores, _ = drawn(into=1)
    logits = (logits - logits.mean(-1, keepdim=True)).requires_grad_()
    scores = scores - scores.mean(-1, keepdim=True)
    SoftTargets(scores=scores, weight=1.0, temperature=1e4).divergence(logits).backward()
    expected = (logits.detach() - scores) / 7 / 5  # C classes, mean over B images
    assert logits.grad is not None
    np.testing.assert_allclose(logits.grad, expected, rtol=1e-2, atol=1e-4)


def test_no_gradient_reaches_the_teacher() -> None:
    logits, scores, _ = drawn()
    scores.requires_grad_()
    logits.requires_grad_()
    SoftTargets(scores=scores, weight=1.0, temperature=2.0).divergence(logits).backward()
    assert scores.grad is None
