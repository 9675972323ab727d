"""What could stand in the large network's place, as ``cotrain plan`` lists it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from cotrain.networks import NetworkSpec, build, image_shape_of
from cotrain.networks.costs import count_macs, count_params
from cotrain.networks.meta import on_meta
from cotrain.planning.checkpoints import Checkpoint
from cotrain.planning.evidence import Finding

Kept = Literal["params", "macs"]
"""The cost of the large network that its alternatives keep to."""

Kind = Literal["large", "divided", "inherited", "taught", "pretrained", "duo"]


@dataclass(frozen=True, kw_only=True)
class MeasuredNetwork:
    """One network of an alternative.

    Args:
        name: As it is shown.
        spec: What builds it.
        params: Trainable parameters.
        macs: Multiply-accumulates of an image (1 MAC = 2 FLOPs).
        top1: Published accuracy on ImageNet-1k of its pretrained weights, in percent; None where
            it has none.
        upstream: What pretrained them; empty likewise.
    """

    name: str
    spec: NetworkSpec
    params: int
    macs: int
    top1: float | None
    upstream: str

    def cost(self, by: Kept) -> int:
        """Its params, or its MACs."""
        return self.params if by == "params" else self.macs

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON-able values, without its spec."""
        return {name: value for name, value in vars(self).items() if name != "spec"}


def measured(name: str, spec: NetworkSpec, checkpoint: Checkpoint | None = None) -> MeasuredNetwork:
    """The network's cost, counted without weights.

    Raises:
        ConfigError: It cannot be built so.
    """
    module = on_meta(lambda: build(spec))
    return MeasuredNetwork(
        name=name,
        spec=spec,
        params=count_params(module),
        macs=count_macs(module, image_shape_of(spec)),
        top1=checkpoint and checkpoint.top1,
        upstream=checkpoint.upstream if checkpoint else "",
    )


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """One row: networks that answer together.

    Args:
        kind: Of what kind.
        name: As it is shown.
        networks: All of them.
        params_ratio: Their params over those of the large network.
        macs_ratio: Their MACs over those of the large network.
        finding: What is known of it.
        commands: What runs it, one after the other.
        ms: Median time to answer one image, the networks one after the other; None if not taken.
    """

    kind: Kind
    name: str
    networks: tuple[MeasuredNetwork, ...]
    params_ratio: float
    macs_ratio: float
    finding: Finding
    commands: tuple[str, ...]
    ms: float | None = None

    @property
    def params(self) -> int:
        """Of all networks."""
        return sum(each.params for each in self.networks)

    @property
    def macs(self) -> int:
        """Of all networks, for an image."""
        return sum(each.macs for each in self.networks)

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON-able values; equal networks stand once, with their number."""
        own = {each.name: getattr(self, each.name) for each in fields(self)}
        counts = Counter(each.name for each in self.networks)
        networks = {each.name: each for each in self.networks}
        return own | {
            "networks": [
                {"count": counts[each.name], **each.to_dict()} for each in networks.values()
            ],
            "params": self.params,
            "macs": self.macs,
            "finding": asdict(self.finding),
        }


def alternative(
    kind: Kind,
    name: str,
    networks: Sequence[MeasuredNetwork],
    large: MeasuredNetwork,
    finding: Finding,
    commands: Sequence[str],
) -> Alternative:
    """The row of networks, beside the large one's cost."""
    return Alternative(
        kind=kind,
        name=name,
        networks=tuple(networks),
        params_ratio=sum(each.params for each in networks) / large.params,
        macs_ratio=sum(each.macs for each in networks) / large.macs,
        finding=finding,
        commands=tuple(commands),
    )
