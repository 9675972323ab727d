"""Tying two dimensions together, whatever they are made of, and cutting one in two."""

from collections import deque

from cotrain.dividing.inheriting.axis import Axis, AxisError, chain, flat, grid


def tie(one: Axis, other: Axis) -> None:
    """Make both keep the same channels.

    Raises:
        AxisError: They have different sizes, or parts that do not match.
    """
    one, other = one.resolved(), other.resolved()
    if one.sizes != other.sizes:
        raise AxisError(f"{one} channels meet {other}")
    if one is other or one.is_fixed:
        return
    if one.parts and other.parts:
        (_tie_grids if one.is_grid and other.is_grid else _tie_chains)(one, other)
    free, bound = (one, other) if not one.parts else (other, one)
    if free.resolved() is not bound.resolved():
        free.resolved().become(bound)


def _tie_chains(one: Axis, other: Axis) -> None:
    """Tie part by part; where one part is longer, it is cut."""
    ones, others = deque(flat(one, is_grid=False)), deque(flat(other, is_grid=False))
    while ones:
        a, b = ones.popleft(), others.popleft()
        longer = ones if a.sizes > b.sizes else others
        if a.sizes != b.sizes:
            short, long = sorted((a, b), key=lambda axis: axis.sizes)
            a, b = short, _take(long, short.sizes, longer)
        tie(a, b)


def _take(axis: Axis, sizes: tuple[int, int], rest: deque[Axis]) -> Axis:
    first, second = cut(axis, *sizes)
    rest.appendleft(second)
    return first


def cut(axis: Axis, large: int, small: int) -> tuple[Axis, Axis]:
    """The first ``large`` channels (``small`` in the small network), and the others.

    Raises:
        AxisError: The cut goes through a whole that is kept or dropped together.
    """
    axis = axis.resolved()
    if (large, small) in ((0, 0), axis.sizes):
        nothing = Axis(0, 0)
        return (axis, nothing) if large else (nothing, axis)
    if axis.is_grid:
        lead, rest = axis.parts[0], grid(axis.parts[1:])
        if large % rest.large or small % max(rest.small, 1):
            raise AxisError(f"{axis} is cut after {large} channels, {small} in the small network")
        return tuple(  # type: ignore[return-value]
            grid((part, rest)) for part in cut(lead, large // rest.large, small // rest.small)
        )
    if axis.parts:
        return _cut_chain(list(flat(axis, is_grid=False)), large, small)
    parts = Axis(large, small), Axis(axis.large - large, axis.small - small)
    if not axis.is_fixed:
        axis.parts = parts
    return parts


def _cut_chain(parts: list[Axis], large: int, small: int) -> tuple[Axis, Axis]:
    before: list[Axis] = []
    while parts and large >= parts[0].large and small >= parts[0].small:
        before.append(parts.pop(0))
        large, small = large - before[-1].large, small - before[-1].small
    if large or small:
        first, second = cut(parts.pop(0), large, small)
        before, parts = [*before, first], [second, *parts]
    return chain(before), chain(parts)


def _tie_grids(one: Axis, other: Axis) -> None:
    """Tie factor by factor; where one factor is larger, it is made a grid itself."""
    ones, others = deque(flat(one, is_grid=True)), deque(flat(other, is_grid=True))
    while ones and others:
        a, b = ones.popleft(), others.popleft()
        if a.sizes != b.sizes:
            longer = ones if a.sizes > b.sizes else others
            short, long = sorted((a, b), key=lambda axis: axis.sizes)
            a, b = short, _split(long, short, longer)
        tie(a, b)


def _split(axis: Axis, lead: Axis, rest: deque[Axis]) -> Axis:
    if axis.large % lead.large or axis.small % max(lead.small, 1):
        raise AxisError(f"{axis} channels are read as rows of {lead}")
    rows = Axis(*lead.sizes)
    columns = Axis(axis.large // lead.large, axis.small // lead.small)
    tie(axis, grid((rows, columns)))
    rest.appendleft(columns)
    return rows
