"""Numbers and bare tensors that a module keeps for itself, made to fit the narrow widths."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from cotrain.dividing.any_network.by_structure.width_map import FEWEST
from cotrain.networks.foreign.vocabulary import is_head_width


def narrow_number(
    name: str,
    value: Any,
    widths: Callable[[int], int | None],
    splits: Callable[[tuple[int, ...]], int | None],
    heads: int,
) -> Any:
    """A number, or a collection of them, with every width in it replaced by the narrow one.

    Args:
        name: Of the attribute.
        value: What the large network has there.
        widths: The narrow width for a large one; None for numbers that are no width here.
        splits: The narrow width for what a list of sizes splits; None if it splits none.
        heads: Of the module; a width of one head is one of all heads, divided.
    """
    if isinstance(value, dict):
        return {
            key: narrow_number(name, each, widths, splits, heads) for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        parts = _parts(value, splits) or [
            narrow_number(name, each, widths, splits, heads) for each in value
        ]
        return torch.Size(parts) if isinstance(value, torch.Size) else type(value)(parts)
    if not isinstance(value, int) or isinstance(value, bool) or value < FEWEST:
        return value
    whole = widths(value)
    per_head = widths(value * heads) if heads > 1 else None
    if per_head is not None and (whole is None or is_head_width(name)):
        return per_head // heads
    return value if whole is None else whole


def _parts(value: Any, splits: Callable[[tuple[int, ...]], int | None]) -> list[int] | None:
    """Sizes that split a width, in the same shares of the narrow one; None if they do not."""
    if len(value) < 2 or not all(isinstance(each, int) for each in value):
        return None
    whole = sum(value)
    narrow = splits(tuple(value))
    if narrow is None or any(each * narrow % whole for each in value):
        return None
    return [each * narrow // whole for each in value]


def narrow_scale(value: float, changed: Iterable[tuple[int, int]]) -> float | None:
    """A float that is a power of a width, for the narrow width; None if it is none.

    Args:
        value: Of the large network.
        changed: Pairs of a large and a narrow width, the likeliest first.
    """
    for wide, narrow in changed:
        for power in (-0.5, -0.25, -1.0):
            if abs(value / wide**power - 1) < 1e-6:
                return narrow**power
    return None


def narrow_shape(
    shape: tuple[int, ...],
    entering: Mapping[int, int],
    widths: Callable[[int], int | None],
    positions: frozenset[int],
    heads: int,
) -> list[int]:
    """Shape of a bare tensor, such as ``cls_token`` or ``gamma``.

    An axis before the last one that is as long as an image's side or as all its tokens stays.
    """
    found = []
    for axis, size in enumerate(shape):
        last = axis == len(shape) - 1
        # [..., C, H, W] with H = W: positions, not channels.
        square = len(shape) >= 3 and axis >= len(shape) - 2 and shape[-1] == shape[-2]
        if (
            size < FEWEST
            or (size == heads and not last)
            or square
            or (
                not last
                and size in positions
                and len(shape) > 2
                and shape.count(size) == 1
                and shape[-1] != 1
            )
        ):
            found.append(size)
        elif size in entering:
            found.append(entering[size])
        elif (whole := widths(size)) is not None:
            found.append(whole)
        elif heads > 1 and (per_head := widths(size * heads)) is not None:
            found.append(per_head // heads)
        else:
            found.append(size)
    return found
