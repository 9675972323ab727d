"""How S answers become one, against formulas in Python's own floats."""

import math
from typing import Any, get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cotrain import ConfigError, divide
from cotrain.config.combining import Combine
from cotrain.ensemble.combining import combine_logits
from cotrain.networks import spec
from cotrain.networks.evaluating import evaluating

SMALL = spec("basic_resnet8_8", num_classes=5, in_channels=1, image_size=8)


def softmax(row: list[float]) -> list[float]:
    """Independent of torch, in Python's floats."""
    highest = max(row)
    powers = [math.exp(value - highest) for value in row]
    return [power / sum(powers) for power in powers]


def mean(values) -> float:
    return math.fsum(values) / len(values)


def scaled(row: list[float]) -> list[float]:
    return [value / math.fsum(row) for value in row]


def columns(rows, of) -> list[float]:
    return [of(column) for column in zip(*rows, strict=True)]


FORMULAS = {
    "mean_logits": lambda rows: softmax(columns(rows, mean)),
    "mean_probabilities": lambda rows: columns([softmax(row) for row in rows], mean),
    "max_logits": lambda rows: softmax(columns(rows, max)),
    "max_probabilities": lambda rows: scaled(columns([softmax(row) for row in rows], max)),
}


@pytest.mark.parametrize("combine", FORMULAS)
@given(data=st.data(), shape=st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(2, 5)))
def test_combinations_follow_their_formulas(combine, data, shape):
    S, B, C = shape
    row = st.lists(st.floats(-50, 50), min_size=C, max_size=C)
    values = data.draw(st.lists(st.lists(row, min_size=B, max_size=B), min_size=S, max_size=S))
    expected = [FORMULAS[combine]([network[b] for network in values]) for b in range(B)]
    result = combine_logits(torch.tensor(values, dtype=torch.float64), combine)
    torch.testing.assert_close(result, torch.tensor(expected, dtype=torch.float64))
    torch.testing.assert_close(result.sum(-1), torch.ones(B, dtype=torch.float64))
    assert ((result >= 0) & (result <= 1 + 1e-12)).all()


@pytest.mark.parametrize("combine", FORMULAS)
def test_combinations_are_finite_for_huge_logits(combine):
    logits = torch.tensor([[[1e4, -1e4, 0.0]], [[-1e4, 1e4, 0.0]]])
    result = combine_logits(logits, combine)
    assert result.isfinite().all()
    assert result.sum().item() == pytest.approx(1)


def test_predict_combines_as_asked_or_as_the_spec_says():
    ensemble = divide(SMALL, 3, seed=0)
    images = torch.randn(4, 1, 8, 8)
    with evaluating(ensemble), torch.no_grad():
        logits = ensemble(images)
    assert torch.equal(ensemble.predict(images), combine_logits(logits, "mean_logits"))
    for combine in get_args(Combine):
        assert torch.equal(ensemble.predict(images, combine), combine_logits(logits, combine))
    assert not ensemble.predict(images).requires_grad


@pytest.mark.usefixtures("unchecked")
def test_an_unknown_combination_is_refused():
    median: Any = "median"
    with pytest.raises(ConfigError, match=r"combine='median'.*mean_logits"):
        combine_logits(torch.zeros(2, 3, 4), median)
