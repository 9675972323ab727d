"""What a comparison can show: against the normal formula, and against simulated comparisons."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from cotrain.comparison.accuracy.power import detectable, power_of, with_more
from cotrain.comparison.accuracy.statistics import Variance, mean_difference

MANY = Variance(seeds=1000, images=10_000, of_seeds=0.5, of_images=0.5, chance=0.0)


def simulated(seeds, images, effect, *, of_seed=1.0, of_image=10.0, rest=20.0, rounds=2000):
    """Share of comparisons with this true difference that are clear."""
    generator, clear = np.random.default_rng(0), 0
    for _ in range(rounds):
        rows = effect + of_seed * generator.normal(size=(seeds, 1))
        rows = rows + of_image * generator.normal(size=images)
        rows += rest * generator.normal(size=(seeds, images))
        clear += mean_difference(rows).direction == "clearly better"
    return clear / rounds


def true_variance(seeds, images, *, of_seed=1.0, of_image=10.0, rest=20.0):
    """Of the mean of such a comparison."""
    chance = rest**2 / seeds / images
    return Variance(
        seeds=seeds,
        images=images,
        of_seeds=of_seed**2 / seeds + chance,
        of_images=of_image**2 / images,
        chance=chance,
    )


def test_with_many_seeds_it_is_the_normal_formula():
    normal = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert detectable(MANY) == pytest.approx(normal, rel=0.01)
    for_three = stats.norm.ppf(1 - 0.025 / 3) + stats.norm.ppf(0.8)
    assert detectable(MANY, 0.05 / 3) == pytest.approx(for_three, rel=0.01)


@pytest.mark.parametrize(("seeds", "images"), [(2, 400), (3, 400), (5, 100)])
def test_4_of_5_simulated_comparisons_show_what_is_detectable(seeds, images):
    effect = detectable(true_variance(seeds, images))
    assert simulated(seeds, images, -effect) == pytest.approx(0.8, abs=0.06)


def test_with_more_seeds_or_images_the_variance_is_theirs():
    few = true_variance(3, 200)
    assert with_more(few, 3, 200) == pytest.approx(few)
    for seeds, images in ((12, 200), (3, 5000), (7, 900)):
        found, expected = with_more(few, seeds, images), true_variance(seeds, images)
        assert (found.seeds, found.images) == (seeds, images)
        assert (found.of_seeds, found.of_images) == pytest.approx(
            (expected.of_seeds, expected.of_images)
        )


def seen(mean, variance):
    """A difference whose mean and variance are known."""
    found = mean_difference(np.random.default_rng(0).normal(size=(variance.seeds, 5)))
    return replace(found, mean=mean, variance=variance)


def test_the_seeds_and_images_that_it_names_show_the_difference():
    few = true_variance(3, 200)
    power = power_of(seen(-2.5, few))
    assert power is not None
    assert power.detectable == pytest.approx(detectable(few))
    assert power.seeds is not None
    assert detectable(with_more(few, power.seeds, 200)) <= 2.5
    assert detectable(with_more(few, power.seeds - 1, 200)) > 2.5
    assert simulated(power.seeds, 200, -2.5) == pytest.approx(0.8, abs=0.08)
    assert power.images is None  # the seeds differ too much
    easy = power_of(seen(-3.5, few))
    assert easy is not None
    assert easy.images is not None
    assert detectable(with_more(few, 3, easy.images)) <= 3.5
    assert detectable(with_more(few, 3, easy.images - 1)) > 3.5


def test_no_number_of_seeds_shows_what_the_images_hide():
    images_alone = Variance(seeds=3, images=200, of_seeds=0.001, of_images=1.0, chance=0.001)
    power = power_of(seen(-1.0, images_alone))
    assert power is not None
    assert power.seeds is None
    assert power.images is not None


def test_one_seed_has_no_power():
    assert power_of(mean_difference(np.random.default_rng(0).normal(size=(1, 40)))) is None


def test_no_difference_is_shown_by_nothing():
    power = power_of(mean_difference(np.zeros((2, 40))))
    assert power is not None
    assert (power.detectable, power.seeds, power.images) == (0, None, None)


def test_several_candidates_take_more():
    one = seen(-1.0, true_variance(3, 200))
    alone, among_three = power_of(one), power_of(replace(one, compared=3))
    assert alone is not None
    assert among_three is not None
    assert among_three.detectable > alone.detectable
