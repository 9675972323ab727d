"""Make a large network's module narrower by a record: attributes of modules, shapes of tensors."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.basics.plain import plain

_NUMBERS = (int, float)


def apply_record(large: nn.Module, changes: Mapping[str, Any]) -> nn.Module:
    """Give ``large`` the attributes and the shapes of a record, in place.

    A tensor whose shape changes keeps evenly spaced ones of its values (``resized``).

    Args:
        large: A network as its builder makes it, on any device.
        changes: ``attributes`` by module name (a part after a dot is an attribute of the
            attribute, such as ``config.hidden_size``) and ``shapes`` by tensor name.

    Returns:
        ``large`` itself.

    Raises:
        ConfigError: A module, an attribute or a tensor that the network does not have.
    """
    modules = dict(large.named_modules())
    shared = shared_parameters(large)
    for name, attributes in changes.get("attributes", {}).items():
        for attribute, value in attributes.items():
            _set_attribute(_module(modules, name), name, attribute, value)
    for name, shape in changes.get("shapes", {}).items():
        parent, _, own_name = name.rpartition(".")
        reshape(_module(modules, parent), own_name, tuple(shape))
    share(large, shared)
    return large


def shared_parameters(network: nn.Module) -> list[list[str]]:
    """The names of every parameter that several modules have."""
    names: dict[int, list[str]] = {}
    for name, parameter in network.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    return [each for each in names.values() if len(each) > 1]


def share(network: nn.Module, shared: Sequence[Sequence[str]]) -> None:
    """Let the modules have the first one's parameter again, after each got one of its own."""
    for first, *others in shared:
        parameter = network.get_parameter(first)
        for name in others:
            parent, _, own_name = name.rpartition(".")
            setattr(network.get_submodule(parent), own_name, parameter)


def reshape(module: nn.Module, name: str, shape: Sequence[int]) -> None:
    """Replace a parameter, a buffer or a tensor attribute by its part of another shape.

    Raises:
        ConfigError: The module has no such tensor, or one of other dimensions.
    """
    tensor: Any = getattr(module, name, None)
    if not isinstance(tensor, Tensor) or tensor.dim() != len(shape):
        raise ConfigError(
            f"{type(module).__name__}.{name} is no tensor of {len(shape)} dimensions: "
            "the record is of another network or version"
        )
    if tensor.shape != tuple(shape):
        part = resized(tensor.detach(), shape)
        if isinstance(tensor, nn.Parameter):
            part = nn.Parameter(part, requires_grad=tensor.requires_grad)
        setattr(module, name, part)


def resized(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    """A tensor's entries at evenly spaced places along every axis, in pairs where sizes are even.

    Independently drawn values stay what they are; tables of frequencies keep their range, and
    halves and pairs of them (sines and cosines) stay halves and pairs. Axes can grow, too.
    """
    if tensor.is_meta:
        return torch.empty(tuple(shape), dtype=tensor.dtype, device="meta")
    for axis, size in enumerate(shape):
        if size != tensor.shape[axis]:
            tensor = tensor.index_select(axis, _places(tensor.shape[axis], size, tensor.device))
    return tensor.clone()


def _places(old: int, new: int, device: torch.device) -> Tensor:
    """``new`` evenly spaced indices below ``old``."""
    if old % 2 == 0 and new % 2 == 0:
        pairs = torch.arange(new // 2, device=device) * (old // 2) // (new // 2)
        return torch.stack([2 * pairs, 2 * pairs + 1], 1).flatten()
    return torch.arange(new, device=device) * old // new


def record(large: nn.Module, small: nn.Module) -> dict[str, dict[str, Any]]:
    """What ``apply_record`` needs to make ``large`` like ``small``: the inverse of it."""
    attributes: dict[str, dict[str, Any]] = {}
    narrow = dict(small.named_modules())
    for name, module in large.named_modules():
        changed = {
            attribute: plain(value)
            for attribute, value in settings(narrow[name])
            if value != dict(settings(module)).get(attribute)
        }
        if changed:
            attributes[name] = changed
    wide = dict(tensors(large))
    shapes = {
        name: list(each.shape) for name, each in tensors(small) if each.shape != wide[name].shape
    }
    return {"attributes": attributes, "shapes": shapes}


def settings(module: nn.Module) -> Iterator[tuple[str, Any]]:
    """A module's numbers, and tuples, lists and dicts of them, with those of its ``config``."""
    for name, value in vars(module).items():
        if name not in ("training", "_version") and is_number_like(value):
            yield name, value
        elif name == "config" and hasattr(value, "__dict__"):
            yield from (
                (f"config.{own}", each) for own, each in vars(value).items() if is_number_like(each)
            )


def tensors(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters, buffers of any kind, and plain tensors that are attributes, by name."""
    yield from network.named_parameters()
    yield from network.named_buffers()
    for prefix, module in network.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, Tensor):
                yield f"{prefix}.{name}" if prefix else name, value


def is_number_like(value: Any) -> bool:
    """A number, or a flat or nested collection of nothing else but numbers and None."""
    if isinstance(value, _NUMBERS):
        return not isinstance(value, bool)
    if isinstance(value, tuple | list) and len(value) > 0:
        return all(each is None or is_number_like(each) for each in value)
    if isinstance(value, dict) and len(value) > 0:
        return all(isinstance(key, str) and is_number_like(each) for key, each in value.items())
    return False


def set_attribute(module: nn.Module, attribute: str, value: Any) -> None:
    """Set an attribute, whose name may lead through another one, in the type it has."""
    *path, own_name = attribute.split(".")
    owner: Any = module
    for part in path:
        owner = getattr(owner, part)
    setattr(owner, own_name, _typed(value, getattr(owner, own_name)))


def _set_attribute(module: nn.Module, name: str, attribute: str, value: Any) -> None:
    """Set a number, or numbers, of a module or of its configuration; nothing else of it."""
    owner, own_name = module, attribute
    if attribute.startswith("config."):
        owner, own_name = getattr(module, "config", None), attribute.removeprefix("config.")
    old = getattr(owner, "__dict__", {}).get(own_name, "")
    if not (old is None or is_number_like(old)):
        raise ConfigError(
            f"module {name!r} has no numbers called {attribute!r}: "
            "the record is of another network or version"
        )
    set_attribute(module, attribute, value)


def _typed(value: Any, old: Any) -> Any:
    """Lists of a record become the tuples that the network had."""
    if isinstance(value, list | tuple) and isinstance(old, tuple | list):
        parts = [
            _typed(each, old[index] if index < len(old) else each)
            for index, each in enumerate(value)
        ]
        if isinstance(old, torch.Size):
            return torch.Size(parts)
        return tuple(parts) if isinstance(old, tuple) else parts
    return value


def _module(modules: Mapping[str, nn.Module], name: str) -> nn.Module:
    if name not in modules:
        raise ConfigError(
            f"the network has no module {name!r}: the record is of another network or version"
        )
    return modules[name]
