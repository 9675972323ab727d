"""The flags that every verb takes, by its signature and the records of settings in it."""

from collections.abc import Iterator
from dataclasses import is_dataclass
from inspect import Parameter, signature
from typing import Any, get_args, get_type_hints

from cotrain.cli.verbs import VERBS
from cotrain.config import Experiment


def types_of_flags(verb: str) -> dict[str, Any]:
    """The type of every flag that the verb takes, as ``--batch_size``."""
    hints = get_type_hints(VERBS[verb])
    flags: dict[str, Any] = {}
    for each in signature(VERBS[verb]).parameters.values():
        if each.kind is Parameter.VAR_KEYWORD:
            flags |= {"--config": str, **dict(_flags(Experiment, ""))}
        else:
            flags |= dict(_flag(each.name, hints[each.name]))
    return flags


def _flags(record: type, prefix: str) -> Iterator[tuple[str, Any]]:
    """The flags of a record of settings, and of the records in it."""
    for name, hint in get_type_hints(record).items():
        yield from _flag(prefix + name, hint)


def _flag(name: str, hint: Any) -> Iterator[tuple[str, Any]]:
    records = [each for each in (hint, *get_args(hint)) if is_dataclass(each)]
    if records:
        yield from _flags(records[0], f"{name}.")  # type: ignore[arg-type]
    else:
        yield f"--{name}", hint
