"""Spread and paired bootstrap against scipy, and against what must hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap

from cotrain.comparison.accuracy.statistics import Difference, paired_bootstrap, spread


def test_spread_has_one_degree_of_freedom_less():
    found = spread([1.0, 2.0, 4.0])
    assert found.mean == pytest.approx(7 / 3)
    assert found.std == pytest.approx(np.sqrt(7 / 3))


def test_one_seed_has_no_standard_deviation():
    assert spread([2.5]).std is None


def test_interval_of_one_seed_equals_scipys():
    differences = np.random.default_rng(1).normal(0.3, 1, size=(1, 400))
    found = paired_bootstrap(differences, resamples=20_000)
    expected = bootstrap(
        (differences[0],), np.mean, n_resamples=20_000, method="percentile", rng=2
    ).confidence_interval
    assert found.mean == pytest.approx(differences.mean())
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.005)


def test_spread_over_seeds_widens_the_interval():
    """With images that all differ alike, only the seeds vary: the interval is theirs."""
    differences = np.repeat([[-1.0], [1.0]], 50, axis=1)
    assert paired_bootstrap(differences) == Difference(mean=0.0, low=-1.0, high=1.0)


@given(value=st.floats(-100, 100), seeds=st.integers(1, 4), images=st.integers(1, 50))
def test_constant_difference_has_a_narrow_interval(value, seeds, images):
    found = paired_bootstrap(np.full((seeds, images), value), resamples=50)
    assert (found.mean, found.low, found.high) == pytest.approx((value, value, value))


def test_same_seed_same_interval_however_much_is_drawn_at_once(monkeypatch):
    differences = np.random.default_rng(0).normal(size=(3, 40))
    whole = paired_bootstrap(differences, resamples=100)
    assert paired_bootstrap(differences, resamples=100) == whole
    assert paired_bootstrap(differences, resamples=100, seed=1) != whole
    monkeypatch.setattr("cotrain.comparison.accuracy.statistics._VALUES", 1000)
    assert paired_bootstrap(differences, resamples=100) == whole


@pytest.mark.parametrize(
    ("low", "high", "direction"),
    [
        (-2.0, -0.1, "better"),
        (-2.0, 0.0, "no clear difference"),
        (-1.0, 1.0, "no clear difference"),
        (0.1, 2.0, "worse"),
    ],
)
def test_direction_is_that_of_the_whole_interval(low, high, direction):
    assert Difference(mean=(low + high) / 2, low=low, high=high).direction == direction
