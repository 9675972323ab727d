"""The registry of network families: a name becomes a spec, a spec becomes a network.

A family is one file in this package. It defines a frozen spec, and registers four functions with
:class:`Family`: how its names read, how a spec is built, how it is divided, and what it lists.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Protocol

from torch import nn

from cotrain.errors import ConfigError, UnknownNetworkError

Layout = Literal["cifar", "imagenet"]


class NetworkSpec(Protocol):
    """The frozen, JSON-able description from which a network can be rebuilt.

    Every family adds its widths and depths as fields of its own.
    """

    @property
    def arch(self) -> str: ...
    @property
    def num_classes(self) -> int: ...
    @property
    def in_channels(self) -> int: ...
    @property
    def image_size(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a user asked for: a name, and the images it will see (``in_channels`` x ``image_size``^2)."""

    arch: str
    layout: Layout
    variant: str | None
    num_classes: int
    in_channels: int
    image_size: int


@dataclass(frozen=True, kw_only=True)
class Family:
    """One family of networks.

    Args:
        name: What ``spec.json`` calls the family.
        spec_type: Its frozen dataclass.
        names: The published names, for listings; ``parse`` may accept more.
        parse: The spec of a request, or None when the name is not of this family.
        build: A freshly initialised network that maps images [B, C, H, W] to logits.
        widths: Channels after the stem and after each stage.
        divide: The narrower spec of one of S networks; raises IndivisibleError with the reason.
        regularization: For each probability in the spec the e of its division by S**e.
    """

    name: str
    spec_type: type
    names: tuple[str, ...]
    parse: Callable[[Request], Any]
    build: Callable[[Any], nn.Module]
    widths: Callable[[Any], tuple[int, ...]]
    divide: Callable[[Any, int], Any]
    regularization: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class _DatasetShape:
    layout: Layout
    num_classes: int
    image_size: int


_DATASETS = {
    "cifar10": _DatasetShape(layout="cifar", num_classes=10, image_size=32),
    "cifar100": _DatasetShape(layout="cifar", num_classes=100, image_size=32),
    "svhn": _DatasetShape(layout="cifar", num_classes=10, image_size=32),
    "imagenet": _DatasetShape(layout="imagenet", num_classes=1000, image_size=224),
}
_FAMILIES: dict[str, Family] = {}


def register(family: Family) -> None:
    """Make a family known by its name, its spec type and its networks' names."""
    _FAMILIES[family.name] = family


def family_of(spec: NetworkSpec) -> Family:
    """The family that a spec belongs to."""
    for family in _FAMILIES.values():
        if type(spec) is family.spec_type:
            return family
    raise ConfigError(
        f"spec={spec!r} is of no registered family: make it with cotrain.networks.spec"
    )


def list_networks() -> list[str]:
    """The names of the published networks, sorted; more are accepted (any depth and width)."""
    return sorted(name for family in _FAMILIES.values() for name in family.names)


def spec(
    arch: str,
    *,
    dataset: str = "cifar100",
    variant: str | None = None,
    num_classes: int | None = None,
    in_channels: int = 3,
    image_size: int | None = None,
) -> NetworkSpec:
    """The spec of a named network.

    Args:
        arch: Such as ``wide_resnet28_10``; see :func:`list_networks`.
        dataset: cifar10, cifar100, svhn or imagenet: the layout (stem, stages) and the defaults.
        variant: One of several implementations of a name, where a family has them.
        num_classes: The data set's own if None.
        in_channels: 3 for RGB, 1 for grey.
        image_size: Pixels, at least 8; the data set's own if None.

    Raises:
        ConfigError: An unknown name (close ones are listed), data set, or an impossible size.
    """
    if dataset not in _DATASETS:
        raise ConfigError(
            f"dataset={dataset!r} has no network layout: use one of {list(_DATASETS)}"
        )
    shape = _DATASETS[dataset]
    request = Request(
        arch=arch,
        layout=shape.layout,
        variant=variant,
        num_classes=shape.num_classes if num_classes is None else num_classes,
        in_channels=in_channels,
        image_size=shape.image_size if image_size is None else image_size,
    )
    _check(request)
    for family in _FAMILIES.values():
        found = family.parse(request)
        if found is not None:
            return found
    close = difflib.get_close_matches(arch, list_networks(), n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(close)}?" if close else "see cotrain.networks.list_networks()"
    raise UnknownNetworkError(f"network={arch!r} is not known: {hint}")


def spec_for_images(
    arch: str, *, num_classes: int, in_channels: int, image_size: int
) -> NetworkSpec:
    """The spec of a named network for images of a user's own.

    A name that exists for small images and for photos has the CIFAR layout below 96 pixels.
    """
    layouts = ["cifar100", "imagenet"] if image_size < 96 else ["imagenet", "cifar100"]
    unknown = None
    for dataset in layouts:
        try:
            return spec(
                arch,
                dataset=dataset,
                num_classes=num_classes,
                in_channels=in_channels,
                image_size=image_size,
            )
        except UnknownNetworkError as error:
            unknown = error
    assert unknown is not None
    raise unknown


def _check(request: Request) -> None:
    least = {"num_classes": 2, "in_channels": 1, "image_size": 8}
    for name, lowest in least.items():
        value = getattr(request, name)
        if value < lowest:
            raise ConfigError(f"{name}={value} is below {lowest}: give at least {lowest}")
    if request.in_channels not in (1, 3):
        raise ConfigError(f"in_channels={request.in_channels} is neither 1 (grey) nor 3 (RGB)")


def build(spec: NetworkSpec) -> nn.Module:
    """A network of this spec, freshly initialised from torch's random state as its authors did."""
    return family_of(spec).build(spec)


def spec_to_dict(spec: NetworkSpec) -> dict[str, Any]:
    """The JSON-able form of a spec; :func:`spec_from_dict` reads it back."""
    return {"family": family_of(spec).name, **asdict(spec)}  # type: ignore[call-overload]


def spec_from_dict(record: dict[str, Any]) -> NetworkSpec:
    """The spec that :func:`spec_to_dict` wrote.

    Raises:
        ConfigError: An unknown family, or fields that this version does not know.
    """
    known = dict(record)
    family = _FAMILIES.get(str(known.pop("family", None)))
    names = {each.name for each in fields(family.spec_type)} if family else set()
    if family is None or set(known) != names:
        raise ConfigError(
            f"network={record!r} is not a spec of this version of cotrain: "
            "load it with the version that wrote it"
        )
    return family.spec_type(**{k: tuple(v) if isinstance(v, list) else v for k, v in known.items()})
