"""Records from plain values: every field there, none too many, each of the type it is declared."""

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from cotrain.basics.errors import ConfigError

Record = TypeVar("Record")
_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    NoneType: "null",
}


def record_from(kind: type[Record], values: object, name: str = "") -> Record:
    """The frozen record of ``kind`` whose fields are ``values``; others have their defaults.

    Nothing is converted but a whole number where a number belongs, and lists where tuples do.

    Args:
        kind: A dataclass, of which fields may be dataclasses.
        values: A map of plain values.
        name: What an error calls the record before its fields; empty for none.

    Raises:
        ConfigError: A field that is missing, unknown, or of another type; the message names it.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{name or 'it'}={_short(values)} is not a map: give its fields")
    known = {each.name: each for each in fields(kind)}  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise ConfigError(f"{_dotted(name, key)} is not known: use one of {', '.join(known)}")
    missing = [
        key
        for key, each in known.items()
        if key not in values and each.default is MISSING and each.default_factory is MISSING
    ]
    if missing:
        raise ConfigError(f"{_dotted(name, missing[0])} is missing: give it")
    types = _types(kind)
    made = {key: _typed(types[key], each, _dotted(name, key)) for key, each in values.items()}
    return kind(**made)


def _dotted(name: str, key: object) -> str:
    return f"{name}.{key}" if name else str(key)


@cache
def _types(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _typed(kind: Any, value: Any, name: str) -> Any:
    """The value as a field of this type has it."""
    if not is_dataclass(kind) and not _fits(kind, value):
        raise ConfigError(f"{name}={_short(value)} is not {in_words(kind)}: give that")
    return _made(kind, value, name)


def _fits(kind: Any, value: Any) -> bool:
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(_fits(part, value) for part in parts)
    if origin is Literal:
        return any(type(value) is type(each) and value == each for each in parts)
    if origin in (list, tuple):
        return isinstance(value, list | tuple) and _all_fit(parts, value)
    if is_dataclass(kind):
        return isinstance(value, Mapping)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            _fits(parts[0], key) and _fits(parts[1], each) for key, each in value.items()
        )
    return kind is Any or type(value) is kind or (kind is float and type(value) is int)


def _all_fit(parts: tuple[Any, ...], values: Sequence[Any]) -> bool:
    """Whether the entries are of the types that a list's or a tuple's parts say."""
    if len(parts) == 1 or parts[1] is ...:
        parts = parts[:1] * len(values)
    return len(parts) == len(values) and all(map(_fits, parts, values))


def _made(kind: Any, value: Any, name: str) -> Any:
    """A value that fits, as its type has it."""
    origin, parts = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return record_from(kind, value, name)  # type: ignore[arg-type]
    if origin in (Union, UnionType):
        return _made(next(part for part in parts if _fits(part, value)), value, name)
    if origin in (list, tuple):
        return origin(_made(parts[0], each, name) for each in value)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _made(parts[1], each, _dotted(name, key)) for key, each in value.items()}
    return float(value) if kind is float else value


def in_words(kind: Any) -> str:
    """What a value of this type is called."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return " or ".join(map(in_words, parts))
    if origin is Literal:
        return ("one of " if len(parts) > 1 else "") + ", ".join(map(str, parts))
    if origin in (list, tuple):
        many = "" if ... in parts or origin is list else f" of {len(parts)}"
        return f"a list{many}, each {in_words(parts[0])}"  # type: ignore[misc]
    return _WORDS.get(kind, "a map")


def _short(value: object) -> str:
    return reprlib.repr(value)
