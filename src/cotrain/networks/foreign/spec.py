"""The description of a network that another library, or a user, builds."""

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cotrain.basics.errors import ConfigError
from cotrain.networks.family import CommonSpec
from cotrain.networks.foreign.narrow.reshaping import is_number_like

Origin = Literal["timm", "torchvision", "hf", "python"]
Mechanism = Literal["whole", "constructor", "structural"]


@dataclass(frozen=True, kw_only=True)
class ForeignSpec(CommonSpec):
    """What rebuilds a network of other origin, whole or divided.

    ``arch`` is the name it was asked for by, such as ``timm:convnext_tiny``; the part after the
    colon is the builder's own name for it.

    Args:
        source: Which builder makes the large network.
        kwargs: Further arguments of the builder, JSON-able.
        versions: Version of every library that the builder is of, when the spec was made.
        mechanism: How the large network becomes this one: not at all (``whole``), by
            ``constructor`` arguments, or by a ``structural`` record, after which some arguments
            may have changed too.
        changes: What the mechanism changes, JSON-able: for ``constructor`` a list under
            ``arguments`` of [path, value]; for ``structural`` ``attributes`` (by module) and
            ``shapes`` (by tensor).
        dropout_divisor: Every probability of dropout, drop-path and the like is divided by it.
    """

    source: Origin
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    mechanism: Mechanism = "whole"
    changes: Mapping[str, Any] = field(default_factory=dict)
    dropout_divisor: float = 1.0

    def __post_init__(self) -> None:
        if not self.dropout_divisor >= 1:
            raise ConfigError(
                f"dropout_divisor={self.dropout_divisor} is below 1: save the ensemble again"
            )
        if not _are_changes(self.changes):
            raise ConfigError(
                f"changes={reprlib.repr(self.changes)} are no numbers for arguments, attributes "
                "and shapes: save the ensemble again"
            )


def _are_changes(changes: Mapping[str, Any]) -> bool:
    """Whether the changes of a spec are of the kinds that a mechanism makes, and numbers alone."""
    arguments = changes.get("arguments", [])
    attributes, shapes = (changes.get(kind, {}) for kind in ("attributes", "shapes"))
    return (
        set(changes) <= {"arguments", "attributes", "shapes"}
        and isinstance(arguments, list | tuple)
        and all(isinstance(each, list | tuple) and len(each) == 2 for each in arguments)
        and all(isinstance(path, list | tuple) for path, _ in arguments)
        and all(is_number_like(value) for _, value in arguments)
        and isinstance(attributes, Mapping)
        and all(isinstance(own, Mapping) for own in attributes.values())
        and all(is_number_like(each) for own in attributes.values() for each in own.values())
        and isinstance(shapes, Mapping)
        and all(isinstance(shape, list | tuple) for shape in shapes.values())
        and all(type(size) is int and size >= 0 for shape in shapes.values() for size in shape)
    )
