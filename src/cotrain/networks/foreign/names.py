"""Names such as ``timm:convnext_tiny`` become specs, specs become networks, instances specs again.

Nothing is downloaded, and no code that a file names is imported.
"""

import difflib
import reprlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from importlib import metadata
from typing import Any

from torch import nn

from cotrain.basics.errors import ConfigError, UnknownNetworkError
from cotrain.basics.text import one_line
from cotrain.networks.foreign.libraries import (
    hf_networks,
    timm_networks,
    torchvision_networks,
    user_networks,
)
from cotrain.networks.foreign.libraries.library import Library, Native
from cotrain.networks.foreign.spec import ForeignSpec, Origin
from cotrain.networks.likeness import alike
from cotrain.networks.meta import on_meta

_LIBRARIES: dict[Origin, Library] = {
    "timm": timm_networks.LIBRARY,
    "torchvision": torchvision_networks.LIBRARY,
    "hf": hf_networks.LIBRARY,
    "python": user_networks.LIBRARY,
}


def is_foreign(name: str) -> bool:
    """Whether a name says which library builds it, as ``timm:resnet50`` does."""
    return name.partition(":")[0] in _LIBRARIES


def list_foreign_networks() -> list[str]:
    """Every name that the installed libraries build image classifiers by, as ``timm:resnet50``."""
    found: list[str] = []
    for source, library in _LIBRARIES.items():
        with suppress(ImportError):
            found += sorted(f"{source}:{name}" for name in library.names())
    return found


def foreign_request(
    name: str,
    *,
    num_classes: int,
    in_channels: int = 3,
    image_size: int | None = None,
    kwargs: Mapping[str, Any] | None = None,
) -> ForeignSpec:
    """The spec of a whole large network.

    Args:
        name: ``timm:``, ``torchvision:``, ``hf:`` or ``python:`` and the library's name for it. For
            ``hf:`` a ``model_type`` or a local folder with ``config.json``.
        num_classes: C.
        in_channels: Channels of an image.
        image_size: Pixels; the size that the network was made for if None.
        kwargs: Further JSON-able arguments of the library's builder.

    Raises:
        ConfigError: An unknown name, a library that is not installed, or no known image size.
    """
    source, library = _library(name, kwargs or {})
    given = {**library.arguments(name.partition(":")[2]), **(kwargs or {})}
    _check_arguments(library, name, given)
    if image_size is None:
        native = library.native(name.partition(":")[2], given)
        if native is None:
            raise ConfigError(f"network={name!r} does not say its image size: give image_size")
        image_size = native.image_size
    return ForeignSpec(
        arch=name,
        source=source,
        num_classes=num_classes,
        in_channels=in_channels,
        image_size=image_size,
        kwargs=given,
        versions=_versions(library),
    )


def library_of(spec: ForeignSpec) -> Library:
    """What is known of the library that builds a spec.

    Raises:
        ConfigError: As ``foreign_request``.
    """
    return _library(spec.arch, spec.kwargs)[1]


def builder_of(spec: ForeignSpec) -> Callable[[], nn.Module]:
    """What makes the whole large network of a spec, freshly initialised, whatever its mechanism.

    Raises:
        ConfigError: An unknown name or a library that is not installed; when called, a network
            that the library refuses to build so.
    """
    library = library_of(spec)
    _check_arguments(library, spec.arch, spec.kwargs)

    def build() -> nn.Module:
        try:
            return library.build(spec)
        except ConfigError:
            raise
        except Exception as error:  # whatever a library's constructor raises for odd arguments
            raise ConfigError(
                f"network={spec.arch!r} cannot be built for {spec.num_classes} classes and images "
                f"of {spec.in_channels} x {spec.image_size} pixels with {dict(spec.kwargs)} "
                f"({one_line(error)}): give its own image size or other arguments"
            ) from error

    return build


def native_preprocessing(spec: ForeignSpec) -> Native | None:
    """Size, mean and std of the images that the network was made for; None if it does not say.

    Images of one channel have the mean over its channels' mean and std.
    """
    library = library_of(spec)
    found = library.native(spec.arch.partition(":")[2], spec.kwargs)
    if found is None or spec.in_channels == len(found.mean):
        return found
    mean, std = (sum(values) / len(values) for values in (found.mean, found.std))
    channels = spec.in_channels
    return replace(found, mean=(mean,) * channels, std=(std,) * channels)


def check_versions(spec: ForeignSpec) -> str | None:
    """How the installed library differs from the one that the spec was made with, if it does.

    Raises:
        ConfigError: The spec names the version of a package that is not its library.
    """
    library = library_of(spec)
    for package in spec.versions:
        if package != library.package:
            raise ConfigError(
                f"network={spec.arch!r}: its versions name {package!r}, which does not build it: "
                "save the ensemble again"
            )
    installed = {package: metadata.version(package) for package in spec.versions}
    different = [
        f"{package} {made}, installed is {installed[package]}"
        for package, made in spec.versions.items()
        if installed[package] != made
    ]
    return f"{spec.arch} was made with {', '.join(different)}" if different else None


def _check_arguments(library: Library, name: str, kwargs: Mapping[str, Any]) -> None:
    """Raise ConfigError for an argument that does not describe the network, such as a path."""
    accepted = library.accepts(name.partition(":")[2], kwargs)
    for argument, value in kwargs.items():
        if argument not in accepted:
            raise ConfigError(
                f"network={name!r}: {argument}={reprlib.repr(value)} is no argument of this "
                "network: leave it out"
            )


def recognize(module: nn.Module) -> ForeignSpec | None:
    """The spec whose builder makes a network like this instance; None if no name does.

    Like means the same shapes of all tensors, and layers of the same classes and settings.
    """
    root = type(module).__module__.partition(".")[0]
    for library in _LIBRARIES.values():
        if root in (library.package, "cotrain") and library.package:
            for spec in library.recognize(module):
                if _rebuilds(library, spec, module):
                    return replace(spec, versions=_versions(library))
    return None


def _rebuilds(library: Library, spec: ForeignSpec, module: nn.Module) -> bool:
    try:
        again = on_meta(lambda: library.build(spec))
    except Exception:  # another network's arguments may fail in any way
        return False
    again = getattr(again, "network", again) if spec.source == "hf" else again
    module = getattr(module, "network", module) if spec.source == "hf" else module
    return alike(again, module) and (
        {name: each.shape for name, each in again.state_dict().items()}
        == {name: each.shape for name, each in module.state_dict().items()}
    )


def _versions(library: Library) -> dict[str, str]:
    return {library.package: metadata.version(library.package)} if library.package else {}


def _library(name: str, kwargs: Mapping[str, Any]) -> tuple[Origin, Library]:
    """The library that a name and its arguments are of; raises ConfigError if there is none."""
    source, _, own_name = name.partition(":")
    library = _LIBRARIES.get(source)  # type: ignore[call-overload]
    if library is None:
        raise UnknownNetworkError(
            f"network={name!r} names no library: use one of {[f'{each}:' for each in _LIBRARIES]}"
        )
    try:
        known = library.knows(own_name, kwargs)
    except ImportError:
        raise ConfigError(
            f"network={name!r} needs {library.package}: pip install {library.package}"
        ) from None
    if not known:
        raise UnknownNetworkError(f"network={name!r} is not known: {_next_step(own_name, source)}")
    return source, library  # type: ignore[return-value]


def _next_step(name: str, source: Any) -> str:
    if source == "hf" and "/" in name:
        return (
            "nothing is downloaded: give a local folder with config.json, and no comma in its path"
        )
    close = difflib.get_close_matches(name, _LIBRARIES[source].names(), n=3, cutoff=0.5)
    if close:
        return f"did you mean {', '.join(f'{source}:{each}' for each in close)}?"
    if source == "python":
        return "register it first with cotrain.register_builder(name, builder)"
    if source == "hf":
        return "give a model_type such as hf:vit, or a local folder with config.json"
    return f"see {'timm' if source == 'timm' else 'torchvision.models'}.list_models()"
