"""Spread, and the interval of a difference: against scipy, by hand, and how often it is right."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from intervals import CASES, coverage
from scipy import stats

from cotrain.comparison.accuracy.statistics import Difference, mean_difference, spread


def t_interval(values):
    """The t interval of independent values, by scipy."""
    return tuple(stats.ttest_1samp(values, 0).confidence_interval(0.95))


def ends(difference):
    return difference.low, difference.high


def test_spread_has_one_degree_of_freedom_less():
    found = spread([1.0, 2.0, 4.0])
    assert found.mean == pytest.approx(7 / 3)
    assert found.std == pytest.approx(np.sqrt(7 / 3))


def test_one_seed_has_no_standard_deviation():
    assert spread([2.5]).std is None


def test_one_seed_gives_the_interval_of_its_images_and_says_so():
    differences = np.random.default_rng(1).normal(0.3, 1, size=(1, 40))
    found = mean_difference(differences)
    assert found.mean == pytest.approx(differences.mean())
    assert ends(found) == pytest.approx(t_interval(differences[0]))
    assert found.over == "images"


def test_where_only_the_seeds_differ_the_interval_is_theirs():
    shifts = np.array([-1.0, 0.5, 1.5])
    found = mean_difference(np.repeat(shifts[:, None], 50, axis=1))
    assert ends(found) == pytest.approx(t_interval(shifts))
    assert found.over == "seeds and images"


def test_where_only_the_images_differ_the_interval_is_theirs():
    differences = np.random.default_rng(2).normal(size=40)
    found = mean_difference(np.tile(differences, (3, 1)))
    assert ends(found) == pytest.approx(t_interval(differences))


def test_the_parts_of_the_variance_are_those_of_the_table_of_squares():
    """By hand. The squares add up to 32: seeds 24 (means 1, 5), images 4 (2, 4, 3), rest 4."""
    found = mean_difference(np.array([[1.0, 1.0, 1.0], [3.0, 7.0, 5.0]]))
    of_seeds, of_images, of_the_rest = 24 / 1 / 6, 4 / 2 / 6, 4 / 2 / 6
    assert of_images == of_the_rest  # so that nothing is left for the images
    margin = stats.t.ppf(0.975, 1) * np.sqrt(of_seeds)
    assert ends(found) == pytest.approx((3 - margin, 3 + margin))


def test_between_seeds_and_images_the_multiple_is_between_their_ts():
    """Seeds and images alone, without chance: the curve of the share, written another way."""
    rows = np.array([[0.0, 3.0, 0.0, 3.0], [0.0, 3.0, 0.0, 3.0]])
    rows[1] += 2 / np.sqrt(3)
    of_seeds, of_images = np.var(rows.mean(1), ddof=1) / 2, np.var(rows.mean(0), ddof=1) / 4
    assert (of_seeds, of_images) == pytest.approx((1 / 3, 3 / 4))
    share = of_seeds / (of_seeds + of_images)
    t3, t1 = stats.t.ppf(0.975, 3), stats.t.ppf(0.975, 1)
    margin = (t3 + (1 - (1 - share) ** 2) ** 2 * (t1 - t3)) * np.sqrt(of_seeds + of_images)
    found = mean_difference(rows)
    assert (found.high - found.low) / 2 == pytest.approx(margin)


@given(value=st.floats(-100, 100), seeds=st.integers(1, 4), images=st.integers(2, 50))
def test_constant_difference_has_a_narrow_interval(value, seeds, images):
    found = mean_difference(np.full((seeds, images), value))
    assert (found.mean, found.low, found.high) == pytest.approx((value, value, value))


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize(
    "name",
    [
        "errors, seeds have no effect",
        "errors, seeds have a large effect",
        "likelihood, seeds have no effect",
        "likelihood, seeds 3 times images",
    ],
)
def test_19_of_20_intervals_hold_the_truth(name, seeds):
    assert 0.93 <= coverage(CASES[name], seeds, images=100, simulations=2000) <= 0.97


@pytest.mark.parametrize(
    ("low", "high", "over", "direction"),
    [
        (-2.0, -0.1, "seeds and images", "clearly better"),
        (-2.0, 0.0, "seeds and images", "no clear difference"),
        (-1.0, 1.0, "seeds and images", "no clear difference"),
        (0.1, 2.0, "seeds and images", "clearly worse"),
        (-2.0, -0.1, "images", "lower with this seed"),
        (-1.0, 1.0, "images", "no clear difference"),
        (0.1, 2.0, "images", "higher with this seed"),
    ],
)
def test_direction_is_that_of_the_whole_interval(low, high, over, direction):
    difference = Difference(mean=(low + high) / 2, low=low, high=high, over=over)
    assert difference.direction == direction
