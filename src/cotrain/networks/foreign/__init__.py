"""Networks of other origin: timm's, torchvision's, transformers' and a user's own."""

from cotrain.networks.foreign.libraries.user_networks import register_builder
from cotrain.networks.foreign.names import (
    builder_of,
    check_versions,
    foreign_request,
    is_foreign,
    list_foreign_networks,
    native_preprocessing,
    recognize,
)
from cotrain.networks.foreign.spec import ForeignSpec

__all__ = [
    "ForeignSpec",
    "builder_of",
    "check_versions",
    "foreign_request",
    "is_foreign",
    "list_foreign_networks",
    "native_preprocessing",
    "recognize",
    "register_builder",
]
