"""Networks: a name becomes a frozen spec, a spec becomes an ``nn.Module``."""

from cotrain.networks.family import NetworkSpec
from cotrain.networks.fitting import check_fits
from cotrain.networks.foreign import (
    ForeignSpec,
    list_foreign_networks,
    native_preprocessing,
    register_builder,
)
from cotrain.networks.registry import (
    blank,
    build,
    family_of,
    image_shape_of,
    list_networks,
    probabilities_of,
    spec_for_images,
)
from cotrain.networks.registry import named_spec as spec
from cotrain.networks.saved_spec import spec_from_dict, spec_to_dict

__all__ = [
    "ForeignSpec",
    "NetworkSpec",
    "blank",
    "build",
    "check_fits",
    "family_of",
    "image_shape_of",
    "list_foreign_networks",
    "list_networks",
    "native_preprocessing",
    "probabilities_of",
    "register_builder",
    "spec",
    "spec_for_images",
    "spec_from_dict",
    "spec_to_dict",
]
