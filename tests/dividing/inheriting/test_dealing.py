"""Who gets which channel."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from cotrain.dividing.inheriting.dealing import deal


@given(
    scores=st.lists(st.floats(0, 10), min_size=1, max_size=40),
    into=st.integers(1, 6),
    first=st.integers(0, 9),
    data=st.data(),
)
def test_hands_are_sorted_different_and_cover_what_they_can(scores, into, first, data) -> None:
    size = data.draw(st.integers(0, len(scores)))
    hands = deal(torch.tensor(scores), size, into, first)
    assert [len(set(hand.tolist())) for hand in hands] == [size] * into
    assert all(hand.tolist() == sorted(hand.tolist()) for hand in hands)
    covered = {channel for hand in hands for channel in hand.tolist()}
    assert len(covered) == min(len(scores), into * size)


def test_the_most_important_are_shared() -> None:
    hands = deal(torch.tensor([0.0, 5.0, 1.0, 4.0]), size=3, into=2, first=0)
    assert [hand.tolist() for hand in hands] == [[1, 2, 3], [0, 1, 3]]


def test_the_least_important_are_left_out() -> None:
    hands = deal(torch.tensor([0.0, 5.0, 1.0, 4.0, 3.0, 2.0]), size=2, into=2, first=1)
    assert [hand.tolist() for hand in hands] == [[3, 5], [1, 4]]


def test_complementary_where_there_is_just_enough_room() -> None:
    hands = deal(torch.arange(12.0), size=3, into=4, first=2)
    assert sorted(torch.cat(hands).tolist()) == list(range(12))
