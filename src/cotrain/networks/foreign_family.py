"""Networks of other origin as a family of the registry: how a spec, whole or divided, is built."""

from functools import partial

from torch import nn

from cotrain.networks.family import Family
from cotrain.networks.foreign.arguments import build_with_arguments
from cotrain.networks.foreign.builders import builder_of
from cotrain.networks.foreign.dropout import divide_dropout
from cotrain.networks.foreign.initialize import fresh_narrow
from cotrain.networks.foreign.spec import ForeignSpec
from cotrain.networks.registry import register


def build(spec: ForeignSpec) -> nn.Module:
    """The whole network, or the narrow one that the spec's mechanism makes of it."""
    make = builder_of(spec)
    if "arguments" in spec.changes:
        make = partial(build_with_arguments, make, spec.changes["arguments"])
    network = fresh_narrow(make, spec.changes) if spec.mechanism == "structural" else make()
    divide_dropout(network, spec.dropout_divisor)
    return network


register(
    Family(
        name="foreign",
        spec_type=ForeignSpec,
        names=(),
        parse=lambda _: None,  # its names say where they come from; see registry.spec
        build=build,
        widths=None,
        divide=None,
        regularization={},
    )
)
