"""Networks of other origin as a family of the registry: how a spec, whole or divided, is built."""

from collections.abc import Callable
from functools import partial

from torch import nn

from cotrain.networks.family import Family
from cotrain.networks.foreign.names import builder_of
from cotrain.networks.foreign.narrow.arguments import build_with_arguments
from cotrain.networks.foreign.narrow.dropout import divide_dropout, dropout_rates
from cotrain.networks.foreign.narrow.initialize import fresh_narrow
from cotrain.networks.foreign.narrow.reshaping import apply_record
from cotrain.networks.foreign.spec import ForeignSpec


def build(spec: ForeignSpec) -> nn.Module:
    """The whole network, or the narrow one that the spec's mechanism makes of it."""
    make = _whole(spec)
    network = fresh_narrow(make, spec.changes) if spec.mechanism == "structural" else make()
    divide_dropout(network, spec.dropout_divisor)
    return network


def _whole(spec: ForeignSpec) -> Callable[[], nn.Module]:
    """What makes the network before its structure is changed."""
    make = builder_of(spec)
    if "arguments" in spec.changes:
        return partial(build_with_arguments, make, spec.changes["arguments"])
    return make


def blank(spec: ForeignSpec) -> nn.Module:
    """A network whose weights will be loaded, with its memory, where torch now makes tensors.

    Such networks may have tensors that are computed when they are built, and not saved.
    """
    network = _whole(spec)()
    if spec.mechanism == "structural":
        apply_record(network, spec.changes)
    divide_dropout(network, spec.dropout_divisor)
    return network


# Its names say where they come from (registry.named_spec), and no rule is published for it.
FAMILY = Family(
    name="foreign",
    spec_type=ForeignSpec,
    build=build,
    blank=blank,
    probabilities=lambda _, network: dropout_rates(network),
)
