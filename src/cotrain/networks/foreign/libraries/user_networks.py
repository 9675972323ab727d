"""Networks that the user's own code builds, known by a name while the program runs."""

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any

from torch import nn

from cotrain.basics.errors import ConfigError
from cotrain.networks.foreign.libraries.library import Library
from cotrain.networks.foreign.spec import ForeignSpec

_BUILDERS: dict[str, Callable[..., nn.Module]] = {}


def register_builder(name: str, builder: Callable[..., nn.Module]) -> None:
    """Make ``python:NAME`` a network; a program that loads it must register the same first.

    Args:
        name: Any name; a second builder of a name takes the first one's place.
        builder: Gives the large network, freshly initialised from torch's random state, that maps
            images [B, C, H, W] to logits [B, classes]. It is called with the spec's ``kwargs``,
            and with those of ``num_classes``, ``in_channels`` and ``image_size`` it has
            parameters for.

    Raises:
        ConfigError: ``builder`` is not callable.
    """
    if not callable(builder):
        raise ConfigError(f"builder={builder!r} is not callable: give a function or a class")
    _BUILDERS[name] = builder


def name_builder(name: str, builder: Callable[..., nn.Module]) -> str:
    """Register ``builder`` by ``name``, or where another has it, with a number behind it."""
    taken = [name, *(f"{name}-{number}" for number in range(2, len(_BUILDERS) + 3))]
    free = next(each for each in taken if _BUILDERS.get(each, builder) is builder)
    register_builder(free, builder)
    return free


def _accepts(name: str, kwargs: Mapping[str, Any]) -> Collection[str]:
    parameters = inspect.signature(_BUILDERS[name]).parameters
    takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    return kwargs.keys() if takes_any else parameters.keys()


def _build(spec: ForeignSpec) -> nn.Module:
    builder = _BUILDERS[spec.arch.partition(":")[2]]
    taken = inspect.signature(builder).parameters
    asked = ("num_classes", "in_channels", "image_size")
    given = {name: getattr(spec, name) for name in asked if name in taken}
    return builder(**{**given, **spec.kwargs})


def _native(_: str, __: Mapping[str, Any]) -> None:
    """A user's builder does not say what images its network takes."""


LIBRARY = Library(
    package="",
    names=lambda: sorted(_BUILDERS),
    knows=lambda name, _: name in _BUILDERS,
    accepts=_accepts,
    native=_native,
    build=_build,
    recognize=lambda _: (),
)
