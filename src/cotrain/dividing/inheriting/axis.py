"""The channels along one dimension of a tensor, in the large network and in a small one.

A dimension is a plain axis, a concatenation of axes (``torch.cat``), or a grid of axes read row
by row (heads x channels of a head, groups x channels of a group). Tying two dimensions makes them
keep the same channels from then on, whatever they are made of. An axis of equal size in both
networks keeps all its channels, so that it never has to be tied.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import prod

import torch
from torch import Tensor


class AxisError(Exception):
    """Two dimensions cannot keep the same channels; the message says what they look like."""


class Axis:
    """One dimension; ``large`` and ``small`` are its sizes in the two networks."""

    def __init__(self, large: int, small: int) -> None:
        if not 0 <= small <= large:
            raise AxisError(f"{large} channels would become {small}")
        self.large = large
        self.small = small
        self.parts: tuple[Axis, ...] = ()
        self.is_grid = False
        self._same: Axis | None = None

    @property
    def is_fixed(self) -> bool:
        """Whether both networks have all its channels."""
        return self.large == self.small

    @property
    def sizes(self) -> tuple[int, int]:
        """Size in the large and in the small network."""
        return self.large, self.small

    def resolved(self) -> "Axis":
        """The axis that stands for this one and all that are tied to it."""
        axis = self
        while axis._same is not None:
            axis = axis._same
        return axis

    def become(self, other: "Axis") -> None:
        """From now on, be the same axis as ``other``."""
        self._same = other

    def __repr__(self) -> str:
        axis = self.resolved()
        if not axis.parts:
            return str(axis.large) if axis.is_fixed else f"{axis.large}->{axis.small}"
        return f"({(' x ' if axis.is_grid else ' + ').join(map(repr, axis.parts))})"


def chain(axes: Sequence[Axis]) -> Axis:
    """The axes one behind the other, as ``torch.cat`` puts them."""
    parts = [part for axis in axes for part in flat(axis, is_grid=False) if part.large]
    if len(parts) == 1:
        return parts[0]
    return _compound(parts, sum(p.large for p in parts), sum(p.small for p in parts))


def grid(axes: Sequence[Axis]) -> Axis:
    """Every combination of the axes' channels, the last axis running fastest."""
    parts: list[Axis] = []
    for part in (part for axis in axes for part in flat(axis, is_grid=True)):
        if part.is_fixed and parts and parts[-1].is_fixed:
            part = Axis(size := part.large * parts.pop().large, size)
        parts.append(part)
    parts = [part for part in parts if part.sizes != (1, 1)]
    if len(parts) == 1:
        return parts[0]
    sizes = prod(p.large for p in parts), prod(p.small for p in parts)
    return _compound(parts, *sizes, is_grid=True)


def _compound(parts: Sequence[Axis], large: int, small: int, *, is_grid: bool = False) -> Axis:
    axis = Axis(large, small)
    if not axis.is_fixed:
        axis.parts, axis.is_grid = tuple(parts), is_grid
    return axis


def flat(axis: Axis, *, is_grid: bool) -> Iterator[Axis]:
    """The parts of a grid (or of a concatenation), none of which is one itself."""
    axis = axis.resolved()
    if not axis.parts or axis.is_grid != is_grid:
        yield axis
        return
    for part in axis.parts:
        yield from flat(part, is_grid=is_grid)


def narrowed_axes(axis: Axis) -> Iterator[Axis]:
    """The plain axes of which only some channels are kept."""
    axis = axis.resolved()
    if axis.parts:
        for part in axis.parts:
            yield from narrowed_axes(part)
    elif not axis.is_fixed:
        yield axis


def kept(axis: Axis, chosen: Mapping[Axis, Tensor]) -> Tensor:
    """Indices of the large network's channels that a small one has, in its order.

    Args:
        axis: The dimension.
        chosen: The indices along each plain axis.
    """
    axis = axis.resolved()
    if not axis.parts:
        return torch.arange(axis.large) if axis.is_fixed else chosen[axis]
    indices, start = kept(axis.parts[0], chosen), axis.parts[0].large
    for part in axis.parts[1:]:
        if axis.is_grid:
            indices = (indices[:, None] * part.large + kept(part, chosen)).flatten()
        else:
            indices = torch.cat([indices, kept(part, chosen) + start])
            start += part.large
    return indices
