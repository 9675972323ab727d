"""Everything that could replace a large network at equal cost, before anything is trained."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cotrain.basics.errors import ConfigError, UnknownNetworkError
from cotrain.basics.machine import Machine
from cotrain.config.limits import TOLERANCE
from cotrain.networks import NetworkSpec, spec_for_images
from cotrain.networks.foreign import is_foreign
from cotrain.networks.registry import named_spec
from cotrain.planning.alternative import Alternative, Kept, MeasuredNetwork, measured
from cotrain.planning.commands import Commands
from cotrain.planning.divided import divided_into, kept_large
from cotrain.planning.matching import Checkpoints
from cotrain.planning.pretrained import duo_of, kept_pretrained, pretrained_of

# What is known of replacing a large network by several, whichever they are.
ADVICE = (
    "Replacing pays where the family's ladder is flat (several small networks lose little against "
    "the large one), not where it is steep.",
    "Fine-tunes of one checkpoint share a basin and differ little (arXiv:2303.03374); those of "
    "different upstreams differ more (arXiv:2010.06866).",
    "What has no evidence is to be compared on your own images: cotrain compare, or cotrain plan "
    "--pilot for a first look.",
)


@dataclass(frozen=True, kw_only=True)
class Shortlist:
    """What ``cotrain plan`` writes.

    Args:
        network: Name of the large network.
        num_classes: C.
        image_size: Pixels, at which all is measured.
        by: The cost that is kept.
        tolerance: How far all networks together may be from the large one's cost, as a share.
        alternatives: The large network first.
        left_out: What is not among them, each with the reason.
        advice: What is known of all.
        machine: What the times were taken on; None without times.
        device: Where: ``cpu`` or ``cuda``; None without times.
    """

    network: str
    num_classes: int
    image_size: int
    by: Kept
    tolerance: float
    alternatives: tuple[Alternative, ...]
    left_out: tuple[str, ...]
    advice: tuple[str, ...] = ADVICE
    machine: Machine | None = None
    device: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON-able values."""
        rows = [each.to_dict() for each in self.alternatives]
        machine = None if self.machine is None else vars(self.machine)
        return vars(self) | {"alternatives": rows, "machine": machine}


def shortlist(
    network: str,
    *,
    into: Sequence[int],
    num_classes: int,
    image_size: int | None = None,
    by: Kept = "params",
    tolerance: float = 0.1,
    pretrained: bool = False,
) -> Shortlist:
    """What could replace a large network at equal cost, which is counted, not looked up.

    Args:
        network: One of ours, or of another library, such as ``timm:convnext_small``.
        into: Each S; 1 is the large network, which is listed anyway.
        num_classes: C.
        image_size: Pixels; the network's own if None.
        by: The cost that is kept: ``params`` or ``macs``.
        tolerance: How far all S together may be from it, as a share.
        pretrained: List what starts from pretrained weights, too.

    Raises:
        ConfigError: An unknown network, one that timm's list does not have, or nothing that could
            replace it.
    """
    if not TOLERANCE.holds(tolerance):
        raise ConfigError(f"tolerance={tolerance} {TOLERANCE.otherwise}")
    if min(into) < 1:
        raise ConfigError(f"into={min(into)} is not a whole number of at least 1: try 2,4")
    sizes = [each for each in into if each > 1]
    if not sizes:
        raise ConfigError("into=1 is the large network itself: give an S above 1, such as 2,4")
    spec = _large_spec(network, num_classes, image_size)
    large = measured(network, spec)
    commands = Commands(network=network, spec=spec, by=by, tolerance=tolerance)
    found, left_out = [kept_large(large, commands)], list[str]()
    for rows in _replacing(large, sizes, commands, pretrained):
        try:
            for each in rows:
                found.append(each)
        except ConfigError as reason:
            left_out.append(str(reason))
    if all(each.kind in ("large", "duo") for each in found):
        raise ConfigError(f"nothing replaces {network} at equal {by}: {'; '.join(left_out)}")
    return Shortlist(
        network=network,
        num_classes=num_classes,
        image_size=spec.image_size,
        by=by,
        tolerance=tolerance,
        alternatives=tuple(found),
        left_out=tuple(left_out),
    )


def _replacing(
    large: MeasuredNetwork, sizes: Sequence[int], commands: Commands, pretrained: bool
) -> Iterator[Iterator[Alternative]]:
    """The rows in groups, each of which may end with the reason why there are no more."""
    checkpoints = None
    if pretrained:
        checkpoints = Checkpoints(large, commands.by)
        commands = replace(commands, checkpoint=checkpoints.large.name)
        yield iter([kept_pretrained(checkpoints, commands)])
    for into in sizes:
        yield divided_into(large, into, commands)
        if checkpoints is not None:
            yield pretrained_of(checkpoints, into, commands)
    if checkpoints is not None:
        yield duo_of(checkpoints, commands)


def _large_spec(network: str, num_classes: int, image_size: int | None) -> NetworkSpec:
    """The spec that ``cotrain train`` makes of the name for such images."""
    if image_size is None and not is_foreign(network):
        try:
            image_size = named_spec(network).image_size
        except UnknownNetworkError:
            image_size = named_spec(network, dataset="imagenet").image_size
    if image_size is None:
        image_size = named_spec(network).image_size
    return spec_for_images(network, num_classes=num_classes, in_channels=3, image_size=image_size)
