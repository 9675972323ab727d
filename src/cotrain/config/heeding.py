"""Settings that are heeded only where another one has a value that makes use of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, cast

from cotrain.basics.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Heeding:
    """When some settings of a group are heeded.

    Args:
        names: The settings.
        by: The one that it depends on.
        when: Whether they are heeded at its value, or at the word of the command line for it.
        otherwise: Why they are not, its value being put in braces.
    """

    names: tuple[str, ...]
    by: str
    when: Callable[[Any], bool]
    otherwise: str


VIEWS = (
    Heeding(
        names=("padding",),
        by="crop",
        when=lambda value: value == "pad",
        otherwise="views.crop={} does not pad",
    ),
    Heeding(
        names=("scale", "draft"),
        by="crop",
        when=lambda value: value == "resized",
        otherwise="views.crop={} cuts out no share",
    ),
    Heeding(
        names=("erasing_scale", "erasing_ratio"),
        by="erasing",
        when=lambda value: value not in (0, "0", "0.0"),
        otherwise="views.erasing=0 erases nothing",
    ),
)

FINE_TUNING = (
    Heeding(
        names=("cached_views",),
        by="frozen_epochs",
        when=lambda value: value not in (0, "0"),
        otherwise="fine_tuning.frozen_epochs=0 freezes nothing whose answers could be kept",
    ),
)

CO_TRAINING = (
    Heeding(
        names=("exchange_steps", "exchange_classes"),
        by="member",
        when=lambda value: value not in (None, "null"),
        otherwise="co_training.member=null exchanges nothing",
    ),
)

# By the group of an experiment.
HEEDING: Mapping[str, Sequence[Heeding]] = {
    "views": VIEWS,
    "fine_tuning": FINE_TUNING,
    "co_training": CO_TRAINING,
}


def refuse_unheeded(group: str, record: Any) -> None:
    """Raise ConfigError for a setting of a group that nothing would heed."""
    for each in HEEDING[group]:
        value = getattr(record, each.by)
        for name in () if each.when(value) else each.names:
            refuse_set(group, record, name, each.otherwise.format(value))


def refuse_set(group: str, record: Any, name: str, why: str) -> None:
    """Raise ConfigError unless a setting that is not heeded is what it is by default."""
    value = getattr(record, name)
    usual = next(each.default for each in fields(record) if each.name == name)
    if value != usual:
        raise ConfigError(
            f"{group}.{name}={value} would be ignored: {why}: "
            f"give --{group}.{name} {written(usual)}, or leave it out"
        )


def written(value: Any) -> str:
    """A value as the command line takes it."""
    if isinstance(value, tuple):
        return f"'{list(cast(tuple[Any, ...], value))}'"
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)
