"""What is lost is learnt of the sureness: near the truth, and never nothing."""

import pytest
import torch

from cotrain.evaluation.cascade.risk import expected_losses

SURE = torch.linspace(0.02, 0.98, 4000, dtype=torch.float64)


def test_a_logistic_curve_is_found_again():
    true = (1.0 - 1.5 * SURE.logit()).sigmoid()
    draw = torch.Generator().manual_seed(0)
    losses = torch.bernoulli(true, generator=draw)
    found = expected_losses(SURE, losses, SURE)
    assert (found - true).abs().max() < 0.05


def test_it_is_firths_estimate():
    """The modified score is zero there: sum of x (y - p + h (1/2 - p)), by numpy."""
    sure = torch.tensor([0.1, 0.2, 0.4, 0.5, 0.6, 0.8, 0.9, 0.95], dtype=torch.float64)
    losses = torch.tensor([1, 1, 0, 1, 0, 0, 0, 0.25], dtype=torch.float64)
    p = expected_losses(sure, losses, sure).numpy()
    x = torch.stack([torch.ones(8).double(), sure.logit()], 1).numpy()
    w = p * (1 - p)
    import numpy as np

    hat = np.sqrt(w)[:, None] * x
    leverage = np.diag(hat @ np.linalg.inv(hat.T @ hat) @ hat.T)
    score = x.T @ (losses.numpy() - p + leverage * (0.5 - p))
    assert np.abs(score).max() < 1e-4


def test_where_nothing_was_lost_something_is_expected_and_least_of_the_surest():
    found = expected_losses(SURE[:100], torch.zeros(100).double(), SURE)
    assert 0 < found.sum() < 40
    assert found[-1] < found[0]
    assert (found > 0).all()


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_equally_sure_images_have_the_mean(value):
    sure, losses = torch.full((50,), value).double(), torch.zeros(50).double()
    losses[:10] = 1
    found = expected_losses(sure, losses, sure)
    assert found == pytest.approx(torch.full((50,), 10.5 / 51).numpy(), abs=0.01)
