"""Networks: a name becomes a frozen spec, a spec becomes an ``nn.Module``."""

# Importing a family registers it.
from cotrain.networks import (
    densenet,
    efficientnet,
    foreign_family,
    pyramidnet,
    resnest,
    resnet_names,
    resnexst,
    senet,
    shake_shake,
)
from cotrain.networks.family import NetworkSpec
from cotrain.networks.foreign import ForeignSpec, native_preprocessing, register_builder
from cotrain.networks.registry import (
    build,
    family_of,
    image_shape_of,
    list_networks,
    spec,
    spec_for_images,
    spec_from_dict,
    spec_to_dict,
)

__all__ = [
    "ForeignSpec",
    "NetworkSpec",
    "build",
    "densenet",
    "efficientnet",
    "family_of",
    "foreign_family",
    "image_shape_of",
    "list_networks",
    "native_preprocessing",
    "pyramidnet",
    "register_builder",
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
