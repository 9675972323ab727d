"""The description of a network that another library, or a user, builds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cotrain.networks.family import CommonSpec

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
