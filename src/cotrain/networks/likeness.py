"""Whether two networks do the same with equal weights, as far as their layers tell."""

import math
import re
from collections.abc import Iterator
from typing import Any

from torch import nn

# How it is computed, not what.
_SAME_ANSWERS = re.compile("_.*|training|.*checkpoint.*|fused_attn|memory_efficient")


def alike(one: nn.Module, other: nn.Module) -> bool:
    """Whether the layers are of the same classes, print the same, and have the same settings.

    Not all that a layer computes by is printed: the heads of an attention are not, nor is a
    change of the images inside the network.
    """
    pairs = zip(one.modules(), other.modules(), strict=False)
    return repr(one) == repr(other) and all(
        _equal(dict(_settings(own)), dict(_settings(its))) for own, its in pairs
    )


def _settings(layer: nn.Module) -> Iterator[tuple[str, Any]]:
    """The class, numbers, words and switches, and whether it has a forward of its own.

    Classes go by name: each parametrized layer has one of its own.
    """
    yield "class", f"{type(layer).__module__}.{type(layer).__qualname__}"
    yield "forward", "forward" in vars(layer)
    for name, value in vars(layer).items():
        if not _SAME_ANSWERS.fullmatch(name) and _is_plain(value):
            yield name, value


def _is_plain(value: object) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _equal(one: object, other: object) -> bool:
    """Numbers may be off by what a table in float32 makes of them, and rounding to six digits."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-4)
    return one == other
