"""A spec as plain values, as ``spec.json`` holds it, and read back from whoever wrote that."""

import reprlib
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.basics.records import record_from
from cotrain.config.limits import LARGEST_IMAGE
from cotrain.networks.family import NetworkSpec
from cotrain.networks.registry import family_named, family_of

_LARGEST = 2**18  # of all whole numbers in a spec: classes, widths, depths, words


def spec_to_dict(spec: NetworkSpec) -> dict[str, Any]:
    """The JSON-able form of a spec; ``spec_from_dict`` reads it back."""
    return {"family": family_of(spec).name, **asdict(spec)}  # type: ignore[call-overload]


def spec_from_dict(record: Mapping[str, Any]) -> NetworkSpec:
    """The spec that ``spec_to_dict`` wrote.

    Raises:
        ConfigError: An unknown family, fields that this version does not know, or values that no
            network has.
    """
    known = dict(record)
    family = family_named(str(known.pop("family", None)))
    names = {each.name for each in fields(family.spec_type)} if family else set()
    if family is None or set(known) != names:
        raise ConfigError(
            f"network={reprlib.repr(record)} is not a spec of this version of cotrain: "
            "load it with the version that wrote it"
        )
    _check_sizes(known, "network")
    spec = record_from(family.spec_type, known, "network")
    if not (1 <= spec.image_size <= LARGEST_IMAGE and 1 <= spec.in_channels <= LARGEST_IMAGE):
        raise ConfigError(
            f"network: images of {spec.in_channels} channels of {spec.image_size} pixels: "
            f"give 1 to {LARGEST_IMAGE} of both"
        )
    return spec


def _check_sizes(value: object, name: str) -> None:
    """Raise ConfigError for a number beyond those of all networks: counting to it takes long."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            _check_sizes(each, f"{name}.{key}")
    elif isinstance(value, list | tuple):
        for each in value:
            _check_sizes(each, name)
    elif isinstance(value, int) and abs(value) > _LARGEST:
        raise ConfigError(f"{name}={value} is above {_LARGEST:,}, more than any network has")
