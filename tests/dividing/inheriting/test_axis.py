"""Dimensions tied, cut and read as grids keep the same channels everywhere."""

import pytest
import torch

from cotrain.dividing.inheriting.axis import Axis, AxisError, chain, grid, kept, narrowed_axes
from cotrain.dividing.inheriting.tying import cut, tie


def chosen_of(*axes: Axis) -> dict[Axis, torch.Tensor]:
    """The last channels along every plain axis."""
    return {
        leaf: torch.arange(leaf.large - leaf.small, leaf.large)
        for axis in axes
        for leaf in narrowed_axes(axis)
    }


def test_tied_axes_are_one() -> None:
    one, other, third = Axis(4, 2), Axis(4, 2), Axis(4, 2)
    tie(one, other)
    tie(third, other)
    assert one.resolved() is other.resolved() is third.resolved()


def test_axes_of_other_sizes_are_refused() -> None:
    with pytest.raises(AxisError, match="4->2 channels meet 4->3"):
        tie(Axis(4, 2), Axis(4, 3))


def test_a_small_network_is_not_wider() -> None:
    with pytest.raises(AxisError, match="3 channels would become 4"):
        Axis(3, 4)


def test_chain_offsets_the_channels() -> None:
    axis = chain([Axis(4, 2), Axis(3, 3), Axis(2, 1)])
    assert kept(axis, chosen_of(axis)).tolist() == [2, 3, 4, 5, 6, 8]


def test_grid_keeps_rows_and_columns() -> None:
    axis = grid([Axis(3, 2), Axis(1, 1), Axis(4, 2)])
    assert kept(axis, chosen_of(axis)).tolist() == [6, 7, 10, 11]


def test_tying_chains_cuts_both() -> None:
    one = chain([Axis(4, 2), Axis(6, 3)])
    other = chain([Axis(6, 3), Axis(4, 2)])
    tie(one, other)
    chosen = chosen_of(one, other)
    assert kept(one, chosen).tolist() == kept(other, chosen).tolist()
    assert [leaf.sizes for leaf in narrowed_axes(one)] == [(4, 2), (2, 1), (4, 2)]


def test_tying_a_plain_axis_to_a_grid_makes_it_one() -> None:
    plain, rows = Axis(12, 6), Axis(3, 3)
    tie(plain, grid([rows, Axis(4, 2)]))
    assert kept(plain, chosen_of(plain)).tolist() == [2, 3, 6, 7, 10, 11]


def test_three_equal_pieces_of_a_grid_keep_the_same() -> None:
    """As query, key and value do: split in three here, read as [3, heads, channels] there."""
    whole = grid([Axis(3, 3), Axis(4, 2)])
    first, others = cut(whole, 4, 2)
    second, third = cut(others, 4, 2)
    assert first.resolved() is second.resolved() is third.resolved()


def test_tying_a_chain_to_a_grid_makes_its_parts_equal() -> None:
    parts = [Axis(4, 2), Axis(4, 2)]
    tie(chain(parts), grid([Axis(2, 2), Axis(4, 2)]))
    assert parts[0].resolved() is parts[1].resolved()


def test_grids_of_other_rows_are_refined() -> None:
    one, other = grid([Axis(2, 2), Axis(12, 6)]), grid([Axis(6, 6), Axis(4, 2)])
    tie(one, other)
    chosen = chosen_of(one, other)
    assert kept(one, chosen).tolist() == kept(other, chosen).tolist()
    assert len({leaf for axis in (one, other) for leaf in narrowed_axes(axis)}) == 1


def test_a_cut_through_a_group_is_refused() -> None:
    with pytest.raises(AxisError, match="is cut after 3 channels"):
        cut(grid([Axis(4, 2), Axis(2, 2)]), 3, 1)
