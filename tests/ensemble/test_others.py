"""Networks trained elsewhere: the divergence from those that are known, against formulas."""

from typing import Any

import pytest
import torch
from of_networks import gradient_of

from cotrain.ensemble.losses import CoTrainingLoss, js_divergence, kl_divergence
from cotrain.ensemble.others import Others

DIVERGENCES: dict[Any, Any] = {"js": js_divergence, "kl": kl_divergence}
TARGETS = torch.tensor([0, 2, 1, 4, 4])
EVERYBODY = torch.ones(2, 5, dtype=torch.bool)


def drawn(into: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(into)
    return 3 * torch.randn(into, 5, 6, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("name", DIVERGENCES)
def test_a_network_beside_others_has_the_gradient_of_all_together(name):
    loss, together = CoTrainingLoss(name), drawn(3).requires_grad_()
    own = together[:1].detach().requires_grad_()
    others = Others(logits=together[1:].detach(), known=EVERYBODY)
    loss(together, TARGETS, weight=0.5).total.backward()
    terms = loss(own, TARGETS, weight=0.5, others=others)
    terms.total.backward()
    torch.testing.assert_close(gradient_of(own)[0], gradient_of(together)[0], rtol=1e-11, atol=0)
    torch.testing.assert_close(terms.divergence, DIVERGENCES[name](together), rtol=1e-12, atol=0)
    torch.testing.assert_close(
        terms.cross_entropy, torch.nn.functional.cross_entropy(own[0], TARGETS), rtol=1e-12, atol=0
    )


@pytest.mark.parametrize("name", DIVERGENCES)
def test_each_image_is_compared_with_those_that_are_known(name):
    logits = drawn(3)
    known = torch.tensor([[True, True, False, False, True], [True, False, True, False, True]])
    others = Others(logits=logits[1:], known=known)
    found = CoTrainingLoss(name)(logits[:1], TARGETS, others=others).divergence
    sets = [[0, 1, 2], [0, 1], [0, 2], [0], [0, 1, 2]]
    each = [DIVERGENCES[name](logits[some][:, [at]]) for at, some in enumerate(sets)]
    torch.testing.assert_close(found, torch.stack(each).mean(), rtol=1e-12, atol=0)


def test_with_nobody_known_it_is_the_plain_cross_entropy_to_the_bit():
    own = drawn(1).float()
    others = Others(logits=torch.zeros(2, 5, 6), known=~EVERYBODY)
    terms = CoTrainingLoss()(own, TARGETS, weight=0.5, others=others)
    assert torch.equal(terms.total, torch.nn.functional.cross_entropy(own[0], TARGETS))


def test_a_mixed_image_is_what_is_said_of_both_by_their_shares():
    logits, permutation = drawn(2), torch.tensor([1, 0, 3, 4, 2])
    known = torch.tensor([[True, True, True, False, True], [True, True, True, True, True]])
    found = Others(logits=logits, known=known).mixed(permutation, 0.7)
    p = logits.softmax(-1)
    torch.testing.assert_close(found.logits.exp(), 0.7 * p + 0.3 * p[:, permutation])
    assert found.known.tolist() == [[True, True, False, False, True], [True] * 5]
