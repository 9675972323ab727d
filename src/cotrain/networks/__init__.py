"""Networks: a name becomes a frozen spec, a spec becomes an ``nn.Module``."""

# Importing a family registers it.
from cotrain.networks import (
    densenet,
    efficientnet,
    pyramidnet,
    resnest,
    resnet_names,
    resnexst,
    senet,
    shake_shake,
)
from cotrain.networks.family import NetworkSpec
from cotrain.networks.registry import (
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
    "densenet",
    "efficientnet",
    "family_of",
    "list_networks",
    "pyramidnet",
    "resnest",
    "resnet_names",
    "resnexst",
    "senet",
    "shake_shake",
    "spec",
    "spec_for_images",
    "spec_from_dict",
    "spec_to_dict",
]
