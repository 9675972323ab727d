"""The registry of network families: a name becomes a spec, a spec becomes a network.

A family is one file of ``cotrain.networks.families``, and a line of its table.
"""

import difflib
import re
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from cotrain.basics.errors import ConfigError, UnknownNetworkError
from cotrain.config.datasets import DATASETS, DatasetFacts, Layout
from cotrain.networks.families import FAMILIES
from cotrain.networks.family import Family, NetworkSpec, Request
from cotrain.networks.foreign import (
    ForeignSpec,
    check_versions,
    foreign_request,
    is_foreign,
    list_foreign_networks,
)
from cotrain.networks.foreign.family import FAMILY as FOREIGN

# The data sets for which networks are published.
_PUBLISHED = {name: facts for name, facts in DATASETS.items() if facts.layout is not None}
_IMAGES: dict[Layout, str] = {"cifar": "small images", "imagenet": "photos"}
_FAMILIES: dict[str, Family] = {each.name: each for each in (*FAMILIES, FOREIGN)}


def family_named(name: str) -> Family | None:
    """The family that ``spec.json`` calls so."""
    return _FAMILIES.get(name)


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


def named_spec(
    arch: str,
    *,
    dataset: str | None = None,
    variant: str | None = None,
    num_classes: int | None = None,
    in_channels: int = 3,
    image_size: int | None = None,
    **options: Any,
) -> NetworkSpec:
    """The spec of a named network.

    Args:
        arch: Such as ``wide_resnet28_10``, see ``list_networks``; or one of another library,
            such as ``timm:convnext_tiny``, ``torchvision:resnet50`` or ``hf:vit``.
        dataset: cifar10, cifar100, svhn or imagenet: the layout (stem, stages) and the defaults;
            cifar100 if None, or for a network of another library imagenet.
        variant: EfficientNet's implementation: ``lightnet`` (for small images) or ``lukemelas``.
        num_classes: The data set's own if None.
        in_channels: 3 for RGB, 1 for grey.
        image_size: Pixels, at least 8; if None the data set's own, or for a network of another
            library the one it was made for.
        options: Probabilities and switches of the family's spec, if not the published ones, such
            as ``dropout=0.2`` or ``unused_shortcuts=True``; arguments of another library's builder.

    Raises:
        ConfigError: An unknown name, data set, variant or option, or an impossible size.
    """
    if is_foreign(arch):
        facts = _facts_of(dataset or "imagenet")
        classes = facts.num_classes if num_classes is None else num_classes
        _check_sizes(num_classes=classes, image_size=image_size)
        images = {"in_channels": in_channels, "image_size": image_size}
        return foreign_request(arch, num_classes=classes, **images, kwargs=options)
    shape = _facts_of(dataset or "cifar100")
    assert shape.layout is not None
    request = Request(
        arch=arch,
        layout=shape.layout,
        variant=variant,
        num_classes=shape.num_classes if num_classes is None else num_classes,
        in_channels=in_channels,
        image_size=shape.image_size if image_size is None else image_size,
    )
    _check(request)
    found = _find(request)
    if found is None:
        raise _unknown(request)
    return _with_options(found, options)


def _facts_of(dataset: str) -> DatasetFacts:
    if dataset not in _PUBLISHED:
        raise ConfigError(
            f"dataset={dataset!r} has no network layout: use one of {list(_PUBLISHED)}"
        )
    return _PUBLISHED[dataset]


def _find(request: Request) -> NetworkSpec | None:
    """The spec from the family that knows the name in this layout."""
    for family in _FAMILIES.values():
        found = family.parse(request)
        if found is not None:
            if request.variant not in (None, *family.variants):
                raise ConfigError(
                    f"variant={request.variant!r}: {request.arch} has "
                    + (f"only {list(family.variants)}" if family.variants else "none: leave it out")
                )
            return found
    return None


def _unknown(request: Request) -> UnknownNetworkError:
    """The error for a name that no family knows, or that has the other layout only."""
    arch = request.arch
    for dataset, shape in _PUBLISHED.items():
        try:
            elsewhere = _find(replace(request, layout=shape.layout, variant=None))
        except ConfigError:
            continue
        if elsewhere is not None:
            return UnknownNetworkError(
                f"network={arch!r} is not known for {_IMAGES[request.layout]}: "
                f'give dataset="{dataset}" for its layout'
            )
    theirs = [name for name in list_foreign_networks() if name.partition(":")[2] == arch]
    close = theirs or difflib.get_close_matches(arch, list_networks(), n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(close)}?" if close else "cotrain networks lists all"
    return UnknownNetworkError(f"network={arch!r} is not known: {hint}")


def _with_options(spec: NetworkSpec, options: Mapping[str, Any]) -> NetworkSpec:
    """The spec with the probabilities and switches that a user set."""
    family = family_of(spec)
    for name, value in options.items():
        if name not in (*family.regularization, *family.switches):
            known = ", ".join([*family.regularization, *family.switches]) or "no options"
            raise ConfigError(f"{name}={value!r} is no option of {spec.arch}: it has {known}")
        if name in family.switches and not isinstance(value, bool):
            raise ConfigError(f"{name}={value!r} is neither True nor False")
        if name in family.regularization and not (_is_number(value) and 0 <= value < 1):
            raise ConfigError(f"{name}={value!r} is no probability: give at least 0 and below 1")
    return replace(spec, **options)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def spec_for_images(
    arch: str,
    *,
    num_classes: int,
    in_channels: int,
    image_size: int,
    variant: str | None = None,
    **options: Any,
) -> NetworkSpec:
    """The spec of a named network for images of a user's own; the arguments are ``named_spec``'s.

    A name that exists for small images and for photos has the CIFAR layout below 96 pixels.
    """
    images = {"num_classes": num_classes, "in_channels": in_channels, "image_size": image_size}
    if is_foreign(arch):
        return named_spec(arch, **images, **options)
    preferred, other = ("cifar100", "imagenet") if image_size < 96 else ("imagenet", "cifar100")
    try:
        return named_spec(arch, dataset=preferred, variant=variant, **images, **options)
    except UnknownNetworkError:
        return named_spec(arch, dataset=other, variant=variant, **images, **options)


# The largest depth or width in a name; what is far larger takes hours and all memory to build.
_LARGEST_NUMBER = 5000
_LARGEST = {"num_classes": 1_000_000, "image_size": 4096}


def _check(request: Request) -> None:
    _check_sizes(num_classes=request.num_classes, image_size=request.image_size)
    if request.in_channels not in (1, 3):
        raise ConfigError(f"in_channels={request.in_channels} is neither 1 (grey) nor 3 (RGB)")
    for number in re.findall("[0-9]{4,}", request.arch):
        if int(number) > _LARGEST_NUMBER:
            raise UnknownNetworkError(
                f"network={request.arch!r}: {number} is above {_LARGEST_NUMBER}: give less"
            )


def _check_sizes(*, num_classes: int, image_size: int | None) -> None:
    for name, value, lowest in (("num_classes", num_classes, 2), ("image_size", image_size, 8)):
        if value is not None and not lowest <= value <= _LARGEST[name]:
            raise ConfigError(
                f"{name}={value} is not in [{lowest}, {_LARGEST[name]}]: give a number in it"
            )


def build(spec: NetworkSpec) -> nn.Module:
    """A network of this spec, freshly initialised from torch's random state as its authors did."""
    return family_of(spec).build(spec)


def blank(spec: NetworkSpec) -> nn.Module:
    """A network whose weights will be loaded, without memory for them where that is possible.

    Warns where it is of a library of another version than the spec was made with.
    """
    if isinstance(spec, ForeignSpec) and (difference := check_versions(spec)) is not None:
        warnings.warn(f"{difference}: check its answers", stacklevel=4)
    family = family_of(spec)
    if family.blank is not None:
        return family.blank(spec)
    with torch.device("meta"):
        return family.build(spec)


def probabilities_of(spec: NetworkSpec, network: nn.Module) -> dict[str, float]:
    """The probabilities of dropout and the like, by name, of a spec and its network."""
    family = family_of(spec)
    if family.probabilities is not None:
        return family.probabilities(spec, network)
    return {name: getattr(spec, name) for name in family.regularization}


def image_shape_of(spec: NetworkSpec) -> tuple[int, int, int]:
    """[C, H, W] of the images that a network takes."""
    return spec.in_channels, spec.image_size, spec.image_size
