"""Networks: a name becomes a frozen spec, a spec becomes an ``nn.Module``."""

from cotrain.networks import resnet
from cotrain.networks.registry import (
    NetworkSpec,
    build,
    family_of,
    list_networks,
    spec,
    spec_for_images,
    spec_from_dict,
    spec_to_dict,
)

__all__ = [
    "NetworkSpec",
    "build",
    "family_of",
    "list_networks",
    "resnet",
    "spec",
    "spec_for_images",
    "spec_from_dict",
    "spec_to_dict",
]
