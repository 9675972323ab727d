"""Plain values: numbers, text, true and false, null, and lists and maps of them, within limits.

All that is read from a file of others is made of them. ``class_path`` and ``init_args`` are keys by
which some parsers name code to run; nothing here runs any, and what has them is refused.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from cotrain.basics.errors import ConfigError

DEPTH = 32  # of maps and lists in each other; ours have 5
MOST = 2**19  # values in one file; what cotrain writes has some per class
_DIGITS = 40  # of a number, as it is written
_CODE = ("class_path", "init_args")


def check_plain(value: object, name: str = "") -> None:
    """Raise ConfigError unless ``value`` holds finite plain values only, within limits.

    Args:
        value: What is looked through.
        name: What an error calls it.
    """
    waiting: list[tuple[str, object, int]] = [(name, value, 0)]
    seen = 0
    while waiting:
        at, each, depth = waiting.pop()
        seen += 1
        if depth > DEPTH or seen > MOST:
            raise too_much()
        if isinstance(each, Mapping):
            waiting += [(_below(at, key), part, depth + 1) for key, part in each.items()]
        elif isinstance(each, list | tuple):
            waiting += [(at, part, depth + 1) for part in each]
        else:
            _check_one(at, each)


def plain(value: Any) -> Any:
    """The value as JSON and YAML hold it: tuples are lists."""
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def too_much() -> ConfigError:
    """The error for a file that is larger within than any of ours."""
    return ConfigError(f"more than {DEPTH} levels or {MOST:,} values: give a file that has fewer")


def _below(name: str, key: object) -> str:
    """The dotted name of a map's value."""
    if type(key) not in (str, int):
        raise ConfigError(f"{name or 'a map'} has the key {key!r}: give text as keys")
    below = f"{name}.{key}" if name else str(key)
    if key in _CODE:
        raise ConfigError(f"{below} names code to run, which is refused: give plain values")
    return below


def _check_one(name: str, value: object) -> None:
    if value is None or isinstance(value, str | bool):
        return
    name = name or "a value"
    if not isinstance(value, int | float):
        raise ConfigError(f"{name} is a {type(value).__name__}: give numbers, text, lists or maps")
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{name}={value} is not finite: give finite numbers")
    if isinstance(value, int) and abs(value) >= 2**64:
        raise ConfigError(f"{name} is a number of {value.bit_length()} bits: give at most 64")


def map_of(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """A map whose keys are given once each.

    Raises:
        ConfigError: A key is given twice.
    """
    found: dict[Any, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ConfigError(f"{key} is given twice: give it once")
        found[key] = value
    return found


def checked_digits(digits: str) -> str:
    """The digits of a number, if they are no more than numbers have.

    Raises:
        ConfigError: They are; to read them would take long.
    """
    if len(digits) > _DIGITS:
        raise ConfigError(f"a number has {len(digits):,} digits: give at most {_DIGITS}")
    return digits
