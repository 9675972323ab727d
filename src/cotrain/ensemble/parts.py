"""What is given to be assembled, network by network: each with its spec, weights and images."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.ensemble.ensemble import Ensemble, load_shipped
from cotrain.ensemble.member import inner
from cotrain.ensemble.preprocessing import Preprocessing, native_images
from cotrain.networks import NetworkSpec, image_shape_of, spec_for_images
from cotrain.networks.foreign.instances import spec_of
from cotrain.networks.registry import named_spec

Opened: TypeAlias = str | NetworkSpec | nn.Module | Callable[[], nn.Module]
Source: TypeAlias = Opened | Path


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """One network of what is assembled.

    Args:
        name: What an error calls it.
        spec: What rebuilds it.
        module: The network itself; None where it is built afresh.
        images: How its images are made; None where that is not known.
        classes: Names of its classes in the order of its logits; empty where not known.
    """

    name: str
    spec: NetworkSpec
    module: nn.Module | None = None
    images: Preprocessing | None = None
    classes: tuple[str, ...] = ()


def parts_of(sources: Sequence[Source], example_input: Tensor | None) -> list[Part]:
    """The networks of all sources in their order; names are built for the images of the others.

    Raises:
        ConfigError: Something unknown or given twice, or that does not take such images.
    """
    _refuse_twice(sources)
    opened = [_opened(each) for each in sources]
    example = _example(opened) if example_input is None else example_input
    found = [list(_parts(name, source, example)) for name, source in opened]
    model = next((part.spec for parts in found for part in parts), None)
    return [
        part
        for (name, _), parts in zip(opened, found, strict=True)
        for part in parts or [Part(name=name, spec=_named(name, model, example_input))]
    ]


def _refuse_twice(sources: Sequence[Source]) -> None:
    """Raise ConfigError where weights are given twice: they would cost, and count, twice."""
    seen: list[object] = []
    for source in sources:
        weights = source if isinstance(source, nn.Module) else _folder(source)
        if weights is not None and any(weights is each or weights == each for each in seen):
            raise ConfigError(f"{_name(source)} is given twice: give each once")
        seen.append(weights)


def _folder(source: Source) -> Path | None:
    """The folder that is meant; names have no slash, but for those of libraries after a colon."""
    if (
        isinstance(source, str)
        and not Path(source).is_dir()
        and "/" not in source.partition(":")[0]
    ):
        return None
    return Path(source).resolve() if isinstance(source, str | Path) else None


def _name(source: object) -> str:
    if isinstance(source, str | Path):
        return str(source)
    return getattr(source, "arch", None) or getattr(source, "__name__", type(source).__name__)


def _opened(source: Source) -> tuple[str, Opened]:
    """The name of a source, and the ensemble that is in a folder in its place."""
    if isinstance(source, Path) or _folder(source) is not None:
        return _name(source), load_shipped(Path(str(source)))
    return _name(source), source


def _example(opened: Sequence[tuple[str, Opened]]) -> Tensor | None:
    """An image as the first takes it that says so."""
    for _, source in opened:
        if isinstance(source, Ensemble):
            return torch.zeros(1, *source.image_shape)
        if not isinstance(source, str | nn.Module) and not callable(source):
            return torch.zeros(1, *image_shape_of(source))
    return None


def _parts(name: str, source: Opened, example: Tensor | None) -> Iterator[Part]:
    """The networks of a source; none of a name."""
    if isinstance(source, Ensemble):
        yield from _taken_apart(name, source)
    elif isinstance(source, nn.Module):
        spec = _spec_of(name, source, example)
        module = copy.deepcopy(source)
        yield Part(name=name, spec=spec, module=module, images=native_images(spec))
    elif callable(source):
        yield Part(name=name, spec=_spec_of(name, source, example))
    elif not isinstance(source, str):
        yield Part(name=name, spec=source)


def _taken_apart(name: str, ensemble: Ensemble) -> Iterator[Part]:
    spec = ensemble.spec
    for index, (network, member) in enumerate(zip(ensemble.networks, spec.members, strict=True)):
        yield Part(
            name=name if spec.into == 1 else f"network {index} of {name}",
            spec=member.network,
            module=copy.deepcopy(inner(network)),
            images=member.images(spec.preprocessing),
            classes=member.classes or spec.classes,
        )


def _spec_of(
    name: str, network: nn.Module | Callable[[], nn.Module], example: Tensor | None
) -> NetworkSpec:
    try:
        return spec_of(network, example)
    except (RuntimeError, ValueError, AssertionError) as error:
        if isinstance(error, ConfigError) or example is None:
            raise
        raise ConfigError(
            f"{name} does not take images of shape {list(example.shape[1:])}, which others take "
            f"({error}): all networks of an ensemble take the same"
        ) from error


def _named(name: str, model: NetworkSpec | None, example: Tensor | None) -> NetworkSpec:
    """The spec of a name for the classes and images of another network, or for such images."""
    if model is not None:
        channels, size, _ = image_shape_of(model)
        return spec_for_images(
            name, num_classes=model.num_classes, in_channels=channels, image_size=size
        )
    if example is None:
        return named_spec(name)
    return named_spec(name, in_channels=example.shape[1], image_size=example.shape[-1])
