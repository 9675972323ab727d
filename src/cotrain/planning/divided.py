"""The large network, and what it becomes when it is divided."""

import math
from collections.abc import Iterator
from dataclasses import replace

from cotrain.basics.errors import ConfigError
from cotrain.basics.watching import at_work
from cotrain.dividing.advice import advise
from cotrain.dividing.divide_spec import divide_and_check
from cotrain.networks import build, image_shape_of
from cotrain.networks.meta import on_meta
from cotrain.networks.stages import narrowest_stage
from cotrain.planning.alternative import Alternative, MeasuredNetwork, alternative, measured
from cotrain.planning.commands import Commands
from cotrain.planning.evidence import Finding, finding_of


def kept_large(large: MeasuredNetwork, commands: Commands) -> Alternative:
    """The large network itself, from fresh weights."""
    finding = finding_of("large", commands.network, 1, large.spec.image_size)
    name = f"keep {commands.network}"
    return alternative("large", name, [large], large, finding, [commands.large()])


def divided_into(large: MeasuredNetwork, into: int, commands: Commands) -> Iterator[Alternative]:
    """S networks of the large one's cost: fresh, taught by it, and started from its weights.

    Where it has pretrained weights, also started from these.

    Raises:
        ConfigError: It cannot be divided so, or not at this cost; at the end, that its weights
            cannot be inherited.
    """
    spec = divide_and_check(large.spec, into, commands.options).spec
    small = measured(f"{commands.network} of {into}", spec)
    _check_cost(large, small, into, commands)
    found = {
        kind: finding_of(kind, commands.network, into, spec.image_size)
        for kind in ("divided", "taught", "inherited", "heirs")
    }
    networks, fresh = [small] * into, _warned(found["divided"], small)
    name = f"divided into {into}"
    yield alternative("divided", f"{name}, fresh", networks, large, fresh, [commands.divided(into)])
    yield alternative(
        "taught", f"{name}, taught", networks, large, found["taught"], commands.taught(into)
    )
    _check_inheritable(large, small, into)
    heirs = commands.inherited(into)
    yield alternative("inherited", f"{name}, inherited", networks, large, found["inherited"], heirs)
    if commands.checkpoint is not None:
        heir = commands.inherited_pretrained(into, commands.checkpoint)
        name = f"{name}, inherited from pretrained weights"
        yield alternative("inherited", name, networks, large, found["heirs"], [heir])


def _check_cost(
    large: MeasuredNetwork, small: MeasuredNetwork, into: int, commands: Commands
) -> None:
    """Raise ConfigError unless S small networks keep to the cost: published rules may not."""
    by = commands.by
    ratio = into * small.cost(by) / large.cost(by)
    if abs(ratio - 1) > commands.tolerance:
        enough = math.ceil(abs(ratio - 1) * 100) / 100
        raise ConfigError(
            f"into={into}: {large.name} divided has {ratio:.3f} times the {by}: give another S, or "
            f"--tolerance {enough}"
        )


def _warned(finding: Finding, small: MeasuredNetwork) -> Finding:
    """With the warning of stages that may be too narrow, where nothing is known of the network."""
    narrowest = narrowest_stage(on_meta(lambda: build(small.spec)))
    warning = advise(narrowest, small.spec.image_size)
    if finding.evidence != "no evidence" or warning is None:
        return finding
    return replace(finding, text=f"{finding.text}; {warning}")


def _check_inheritable(large: MeasuredNetwork, small: MeasuredNetwork, into: int) -> None:
    """Raise ConfigError unless each small network can be given channels of the large one."""
    from cotrain.dividing.inheriting.inherit import check_inheritable  # torch.export is slow

    with at_work(f"looking how {into} networks would inherit"):
        whole, narrow = (on_meta(lambda spec=each.spec: build(spec)) for each in (large, small))
        try:
            check_inheritable(whole, narrow, image_shape_of(large.spec))
        except ConfigError as reason:
            raise ConfigError(f"into={into}, inherited: {reason}") from None
