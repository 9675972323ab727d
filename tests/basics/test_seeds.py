"""Every draw has a seed of its own; drawing with one leaves the global generators alone."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cotrain.basics.seeds import derive_seed, seeded

PLACES = st.lists(st.one_of(st.integers(), st.text(max_size=5)), max_size=4).map(tuple)


def draw() -> tuple[float, float, float]:
    return torch.rand(()).item(), float(np.random.rand()), random.random()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((0,), 7_210_762_507_766_007_076),
        ((0, "init", 0), 7_954_951_704_578_594_763),
        ((1, "view", 2, 3, 4), 1_250_260_555_403_258_496),
    ],
)
def test_a_seed_is_the_same_on_every_machine(arguments, expected):
    assert derive_seed(*arguments) == expected


@given(seed=st.integers(), place=PLACES)
def test_a_seed_has_63_bits(seed, place):
    assert 0 <= derive_seed(seed, *place) < 2**63
    assert derive_seed(seed, *place) == derive_seed(seed, *place)


@given(seeds=st.tuples(st.integers(), st.integers()), places=st.tuples(PLACES, PLACES))
def test_different_places_have_different_seeds(seeds, places):
    first, second = ((seed, *place) for seed, place in zip(seeds, places, strict=True))
    assert (derive_seed(*first) == derive_seed(*second)) == (first == second)


def test_order_and_grouping_of_a_place_matter():
    places = [(0, 1, 2), (0, 2, 1), (0, 12), (0, "12"), (0, "1", "2"), (0, "1, 2"), (0, "1', '2")]
    assert len({derive_seed(*place) for place in places}) == len(places)


def test_equal_seeds_draw_equally_from_all_generators():
    with seeded(7):
        first = draw()
    with seeded(7):
        again = draw()
    with seeded(8):
        other = draw()
    assert first == again
    assert all(a != b for a, b in zip(first, other, strict=True))


def test_the_generators_go_on_as_if_nothing_had_been_drawn():
    with seeded(1):
        expected = draw(), draw()
    with seeded(1):
        first = draw()
        with seeded(2**63 - 1):
            draw()
        assert (first, draw()) == expected


def test_the_generators_go_on_after_an_error():
    with seeded(1):
        draw()
        expected = draw()
    with seeded(1):
        draw()
        with pytest.raises(KeyError), seeded(5):
            raise KeyError(draw())
        assert draw() == expected
