"""What settings can be: bounds written at the fields, and the check that holds a record to them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from types import NoneType
from typing import Any, Literal, cast, get_args, get_origin

from cotrain.basics.errors import ConfigError
from cotrain.basics.records import in_words

LARGEST_NUMBER = 1e30  # float32 ends at 3e38, beyond which tensors take no numbers
LARGEST_IMAGE = 4096  # pixels of a side: a batch of 64 takes 3 GB in bytes, and 13 as numbers


@dataclass(frozen=True, kw_only=True)
class Bound:
    """Which numbers a setting can be.

    Args:
        holds: Whether it can be this number.
        otherwise: What is said of a number that it cannot be: the rule, then what to give.
    """

    holds: Callable[[float], bool]
    otherwise: str


MOST_NETWORKS = 1024  # more would be slower than any one network is large

SHARE = Bound(
    holds=lambda value: 0 <= value < 1, otherwise="is not in [0, 1): give a share below 1"
)
SHARE_OR_NUMBER = Bound(
    holds=lambda value: 0 <= value < 1 or (value > 1 and value == int(value)),
    otherwise="is neither a share below 1 nor a number above it: give one such as 0.1 or 200",
)
PROBABILITY = Bound(
    holds=lambda value: 0 <= value <= 1, otherwise="is not a probability: give 0 to 1"
)
ABOVE_0 = Bound(holds=lambda value: value > 0, otherwise="is not above 0: give more than 0")
TOLERANCE = Bound(
    holds=lambda value: 0 < value < 1, otherwise="is not a share between 0 and 1: try 0.05"
)


def at_least(least: float) -> Bound:
    """The numbers from ``least`` on."""
    return Bound(
        holds=lambda value: value >= least, otherwise=f"is below {least}: give at least {least}"
    )


def between(least: float, most: float) -> Bound:
    """The numbers from ``least`` to ``most``."""
    return Bound(
        holds=lambda value: least <= value <= most,
        otherwise=f"is not in [{least}, {most}]: give a number in it",
    )


def required(bound: Bound) -> Any:
    """A record's field with a bound and no default."""
    return field(metadata={"bound": bound})


def bounded(default: Any, bound: Bound) -> Any:
    """A record's field with a default and a bound; None and words are not bounded."""
    return field(default=default, metadata={"bound": bound})


def check_settings(record: Any, prefix: str = "") -> None:
    """Raise ConfigError for the first setting, by dotted name, that is not possible.

    Words must be among those of their field, and numbers finite and within their bound; null must
    be one of the values that the field can have.

    Args:
        record: A frozen record, with others inside or not.
        prefix: What stands before its fields' names, such as ``optimizer.``.
    """
    for each in fields(record):
        name, value = prefix + each.name, getattr(record, each.name)
        words = get_args(each.type) if get_origin(each.type) is Literal else ()
        if is_dataclass(value):
            check_settings(value, name + ".")
        elif words and value not in words:
            raise ConfigError(f"{name}={value!r} is not known: use one of {words}")
        elif value is None and not {Any, NoneType} & {each.type, *get_args(each.type)}:
            raise ConfigError(
                f"{name}=null is not {in_words(each.type)}: give that, or leave it out"
            )
        else:
            _check_numbers(name, value, each.metadata.get("bound"))


def _check_numbers(name: str, value: Any, bound: Bound | None) -> None:
    several = isinstance(value, list | tuple)
    numbers = cast(Sequence[Any], value) if several else [value]
    if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
        raise ConfigError(f"{name}={value} is not finite: give finite numbers")
    if any(isinstance(number, float) and abs(number) > LARGEST_NUMBER for number in numbers):
        raise ConfigError(f"{name}={value} is beyond {LARGEST_NUMBER:g}: give smaller numbers")
    if bound is not None and isinstance(value, float | int) and not bound.holds(value):
        raise ConfigError(f"{name}={value} {bound.otherwise}")
