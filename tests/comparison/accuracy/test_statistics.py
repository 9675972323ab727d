"""Spread, intervals, tests, their correction: against scipy, by hand, how often they are right."""

import numpy as np
import pytest
from comparisons import difference as constructed
from hypothesis import given
from hypothesis import strategies as st
from intervals import CASES, CERTAINTIES, Errors, coverage, false_claims, resampled_coverage
from scipy import stats

from cotrain.comparison.accuracy.statistics import (
    corrected,
    difference,
    mean_difference,
    spread,
)


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


def test_seeds_that_agree_by_luck_leave_an_interval():
    """Both seeds miss one image each, another one: their means agree, and chance is all there is.

    By hand: the squares of the rest add up to 10,000 over 3 degrees of freedom, and 8 answers.
    """
    found = mean_difference(np.array([[-100.0, 0.0, 0.0, 0.0], [0.0, -100.0, 0.0, 0.0]]))
    margin = stats.t.ppf(0.975, 1) * np.sqrt(10_000 / 3 / 8)
    assert ends(found) == pytest.approx((-25 - margin, -25 + margin))
    assert found.direction == "no clear difference"


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
    """Of 2 seeds and so few images some hold it too often: errors are counts, and seeds tie."""
    most = 0.98 if seeds == 2 else 0.97
    assert 0.93 <= coverage(CASES[name], seeds, images=100, simulations=2000) <= most


@pytest.mark.parametrize("name", list(CERTAINTIES))
def test_so_do_those_of_the_bootstrap(name):
    found = resampled_coverage(CERTAINTIES[name], seeds=3, images=100, simulations=300)
    assert 0.92 <= found["ece"] <= 0.99
    assert 0.92 <= found["aurc"] <= 0.99


def test_of_equal_candidates_few_are_called_clear():
    """1 of 20 comparisons of three candidates; more without the correction."""
    case = Errors(seeds=0.3, rest=0.5, wrong=0.15)
    found = false_claims(case, 3, 100, simulations=1000)
    assert found["corrected"] <= 0.06
    assert found["not_corrected"] > found["corrected"] + 0.02


@pytest.mark.parametrize("seeds", [1, 3])
def test_p_is_that_of_the_t_test_where_one_kind_of_variance_is_alone(seeds):
    of_images = np.random.default_rng(3).normal(0.3, 1, size=40)
    _, expected = stats.ttest_1samp(of_images, 0)
    assert mean_difference(np.tile(of_images, (seeds, 1))).p == pytest.approx(expected)


def test_p_and_interval_agree():
    """The interval just reaches 0 where p is 0.05."""
    rows = np.random.default_rng(4).normal(size=(3, 40))
    found = mean_difference(rows)
    shifted = mean_difference(rows - found.low)
    assert (shifted.low, shifted.p) == pytest.approx((0, 0.05), abs=1e-9)


def test_equal_answers_have_p_1_and_no_width():
    found = mean_difference(np.zeros((3, 40)))
    assert (found.mean, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert found.direction == "no clear difference"


@pytest.mark.parametrize(("images", "p"), [(2, 0.5), (5, 0.0625)])
def test_few_images_without_variance_do_not_show_a_difference(images, p):
    """As many coins fall to one side with this probability."""
    found = mean_difference(np.full((2, images), -100.0))
    assert found.p == p
    assert found.direction == "no clear difference"


def test_holm_corrects_as_by_hand():
    """0.01 * 3, 0.02 * 2, and 0.03 * 1 which is not below the one before."""
    p = [0.03, 0.01, 0.02]
    found = corrected([constructed(adjusted=each) for each in p])
    assert [each.adjusted for each in found] == pytest.approx([0.04, 0.03, 0.04])
    assert [each.p for each in found] == p
    assert {each.compared for each in found} == {3}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_a_corrected_p_is_between_its_own_and_bonferronis(p):
    found = corrected([constructed(adjusted=each) for each in p])
    for before, after in zip(p, found, strict=True):
        assert before <= after.adjusted <= min(1, len(p) * before) or before == after.adjusted == 1
    smallest = int(np.argmin(p))
    assert found[smallest].adjusted == min(1, len(p) * p[smallest])


def test_a_mean_and_its_covariance_give_the_same_difference():
    rows = np.random.default_rng(5).normal(size=(3, 40))
    again = difference(rows.mean(1), np.cov(rows) / 40, 40)
    assert again == mean_difference(rows)


@pytest.mark.parametrize(
    ("mean", "adjusted", "seeds", "direction"),
    [
        (-1.0, 0.049, 3, "clearly better"),
        (-1.0, 0.05, 3, "no clear difference"),
        (1.0, 0.3, 3, "no clear difference"),
        (1.0, 0.01, 3, "clearly worse"),
        (-1.0, 0.01, 1, "lower with this seed"),
        (1.0, 0.3, 1, "no clear difference"),
        (1.0, 0.01, 1, "higher with this seed"),
    ],
)
def test_direction_is_what_the_corrected_test_says(mean, adjusted, seeds, direction):
    assert constructed(mean, adjusted, seeds=seeds).direction == direction
