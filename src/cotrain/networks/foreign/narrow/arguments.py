"""The arguments of a network's constructor, seen and changed while its builder runs unchanged.

Builders of other libraries work out the arguments of a class from tables of their own. Here the
class's ``__init__`` is watched for the length of one build, and given other values for some of
its arguments the next time; all else that the builder does still happens.
"""

import copy
import functools
import inspect
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import FrozenInstanceError, dataclass, replace
from typing import Any

from torch import nn

from cotrain.networks.meta import on_meta

Path = tuple[str | int, ...]
Changes = Sequence[tuple[Sequence[str | int], Any]]
# A network's class may be a common one, such as Sequential: only one watch at a time.
_WATCHING = threading.RLock()


@dataclass(frozen=True, kw_only=True)
class Construction:
    """How a builder called the class of the network it returned.

    Args:
        network: On the ``meta`` device.
        arguments: Every argument of the class's constructor by name, defaults as well.
        call: Which of the builder's calls of that class made the network, from 0.
    """

    network: nn.Module
    arguments: Mapping[str, Any]
    call: int


def constructor_arguments(
    build: Callable[[], nn.Module], kind: type[nn.Module] | None = None
) -> Construction:
    """Run a builder on the ``meta`` device and see how it made its network.

    Args:
        build: The builder.
        kind: The class of its network, if it is known.

    Raises:
        TypeError: The builder gave a network that it did not make.
    """
    kind = kind or type(on_meta(build))
    calls: list[tuple[nn.Module, dict[str, Any]]] = []

    def note(module: nn.Module, arguments: dict[str, Any]) -> dict[str, Any]:
        # A copy: some constructors change what they are given.
        calls.append((module, copy.deepcopy(arguments)))
        return arguments

    def run() -> nn.Module:
        calls.clear()
        return build()

    with _watched(kind, note):
        network = on_meta(run)
    for place, (module, arguments) in enumerate(calls):
        if module is network:
            return Construction(network=network, arguments=arguments, call=place)
    raise TypeError(f"the builder did not make the {kind.__name__} that it returned")


def build_with_arguments(
    build: Callable[[], nn.Module],
    changes: Changes,
    construction: Construction | None = None,
) -> nn.Module:
    """Run a builder with other values for some of its network's constructor arguments.

    Args:
        build: The builder.
        changes: JSON-able pairs of a path into the arguments and the value to put there.
        construction: What ``constructor_arguments`` said of the builder, if it was asked.

    Raises:
        LookupError: A path that the arguments do not have.
    """
    known = construction or constructor_arguments(build)
    count = -1

    def change(_: nn.Module, arguments: dict[str, Any]) -> dict[str, Any]:
        nonlocal count
        count += 1
        if count != known.call:
            return arguments
        for path, value in changes:
            arguments = _replaced(arguments, tuple(path), value)
        return arguments

    with _watched(type(known.network), change):
        return build()


@contextmanager
def _watched(
    kind: type[nn.Module], see: Callable[[nn.Module, dict[str, Any]], dict[str, Any]]
) -> Iterator[None]:
    """Inside, ``see`` gives the arguments of every outermost construction of this very class.

    Constructions by other threads, of subclasses, and within another one go unseen.
    """
    original, own = kind.__init__, "__init__" in vars(kind)
    signature, thread = inspect.signature(original), threading.get_ident()
    inside = False

    @functools.wraps(original)
    def init(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        nonlocal inside
        if inside or type(self) is not kind or threading.get_ident() != thread:
            return original(self, *args, **kwargs)
        inside = True
        try:
            bound = signature.bind(self, *args, **kwargs)
            bound.apply_defaults()
            (first, _), *rest = bound.arguments.items()
            bound.arguments.update({first: self, **see(self, dict(rest))})
            return original(*bound.args, **bound.kwargs)
        finally:
            inside = False

    with _WATCHING:
        kind.__init__ = init  # type: ignore[method-assign]
        try:
            yield
        finally:
            if own:
                kind.__init__ = original  # type: ignore[method-assign]
            else:
                del kind.__init__


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, int | float]]:
    """Every number within arguments, with its path; networks and classes are not looked into."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield path, value
    for key, part in _parts(value):
        yield from leaves(part, (*path, key))


def _parts(value: Any) -> list[tuple[str | int, Any]]:
    """What a value is made of, by the keys that lead there."""
    if isinstance(value, Mapping):
        return [(key, part) for key, part in value.items() if isinstance(key, str | int)]
    if isinstance(value, list | tuple):
        return list(enumerate(value))
    if isinstance(value, functools.partial):
        return [("args", value.args), ("keywords", {**_defaults(value.func), **value.keywords})]
    if isinstance(value, nn.Module | type) or callable(value) or not hasattr(value, "__dict__"):
        return []
    return [(key, part) for key, part in vars(value).items() if not key.startswith("_")]


def _defaults(function: Any) -> dict[str, Any]:
    """The defaults of a function's parameters; none of a class."""
    if not inspect.isfunction(function):
        return {}
    parameters = inspect.signature(function).parameters.values()
    return {each.name: each.default for each in parameters if each.default is not each.empty}


def _replaced(value: Any, path: Path, new: Any) -> Any:
    """A copy with another value at the path; what does not lie on the path is shared."""
    if not path:
        return new
    key, rest = path[0], path[1:]
    parts: dict[Any, Any] = dict(_parts(value))
    if key not in parts:
        raise LookupError(f"{key!r} is not among the arguments {list(parts)}")
    return _with_part(value, key, _replaced(parts[key], rest, new))


def _with_part(value: Any, key: str | int, part: Any) -> Any:
    if isinstance(value, functools.partial):
        args, keywords = (part, value.keywords) if key == "args" else (value.args, part)
        return functools.partial(value.func, *args, **keywords)
    if isinstance(value, tuple):
        values = [part if place == key else each for place, each in enumerate(value)]
        # A named tuple takes its fields one by one.
        return type(value)(*values) if hasattr(value, "_fields") else tuple(values)
    changed = copy.copy(value)
    if isinstance(value, Mapping | list):
        changed[key] = part  # type: ignore[index]
        return changed
    try:
        setattr(changed, str(key), part)
    except FrozenInstanceError:
        return replace(value, **{str(key): part})
    return changed
