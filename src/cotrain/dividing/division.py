"""What dividing a network costs and changes, told before anything is trained."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import nn

from cotrain.config import DivideOptions
from cotrain.dividing.advice import advise
from cotrain.dividing.divide_spec import divide_and_check
from cotrain.dividing.divided import Checks
from cotrain.dividing.regularization import divide_weight_decay
from cotrain.networks import NetworkSpec, build, family_of, image_shape_of, probabilities_of
from cotrain.networks.costs import count_macs, count_params
from cotrain.networks.meta import on_meta
from cotrain.networks.stages import narrowest_stage, stage_widths

# Outside these the S networks do not cost what the large one costs.
EQUAL_COST = (0.85, 1.15)


@dataclass(frozen=True, kw_only=True)
class NetworkCost:
    """One network's cost.

    Args:
        params: Trainable parameters.
        macs: Multiply-accumulates for one image (1 MAC = 2 FLOPs).
        widths: Channels after the stem and after each stage.
        narrowest: Width of the narrowest stage (``cotrain.networks.stages.narrowest_stage``).
        regularization: Its dropout and similar probabilities, by name.
    """

    params: int
    macs: int
    widths: tuple[int, ...]
    narrowest: int | None
    regularization: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Division:
    """A large network beside one of the S networks it is divided into.

    Args:
        network: Name of the large network.
        into: S.
        large: Its cost.
        small: The cost of one of the S networks.
        params_ratio: Params of all S over those of the large network.
        macs_ratio: MACs of all S over those of the large network.
        weight_decay: Weight decay of the large network.
        divided_weight_decay: Weight decay of the S networks, where a recipe divides it.
        checks: What was made sure of before it was divided so.
        warnings: What speaks against it: another cost, or stages that are not wide enough.
    """

    network: str
    into: int
    large: NetworkCost
    small: NetworkCost
    params_ratio: float
    macs_ratio: float
    weight_decay: float
    divided_weight_decay: float
    checks: Checks
    warnings: tuple[str, ...]


def is_equal_cost(ratio: float) -> bool:
    """Whether S networks cost about what the large one costs."""
    return EQUAL_COST[0] <= ratio <= EQUAL_COST[1]


def network_cost(spec: NetworkSpec) -> NetworkCost:
    """The cost of a spec's network, counted without memory or arithmetic."""
    family = family_of(spec)
    network = on_meta(lambda: build(spec))
    return NetworkCost(
        params=count_params(network),
        macs=_macs(network, spec),
        widths=family.widths(spec) if family.widths else stage_widths(network),
        narrowest=narrowest_stage(network),
        regularization=probabilities_of(spec, network),
    )


def _macs(network: nn.Module, spec: NetworkSpec) -> int:
    """Counted without arithmetic; where a network computes with values, on the CPU."""
    try:
        return count_macs(network, image_shape_of(spec))
    except (NotImplementedError, RuntimeError):
        return count_macs(build(spec), image_shape_of(spec))


def describe_division(
    large: NetworkSpec, into: int, *, weight_decay: float, options: DivideOptions | None = None
) -> Division:
    """The large network and one of the S it is divided into, side by side.

    Args:
        large: Spec of the large network.
        into: S.
        weight_decay: Of the large network, to show it divided.
        options: How a network without a published rule is divided.

    Raises:
        ConfigError: The network cannot be divided into S.
    """
    divided = divide_and_check(large, into, options or DivideOptions())
    before, after = network_cost(large), network_cost(divided.spec)
    ratios = {
        "params": into * after.params / before.params,
        "MACs": into * after.macs / before.macs,
    }
    return Division(
        network=large.arch,
        into=into,
        large=before,
        small=after,
        params_ratio=ratios["params"],
        macs_ratio=ratios["MACs"],
        weight_decay=weight_decay,
        divided_weight_decay=divide_weight_decay(weight_decay, into),
        checks=divided.checks,
        warnings=tuple(_warnings(ratios, into, after, large.image_size)),
    )


def _warnings(
    ratios: Mapping[str, float], into: int, small: NetworkCost, image_size: int
) -> Iterator[str]:
    for name, ratio in ratios.items():
        if not is_equal_cost(ratio):
            yield f"not equal cost: all {into} have {ratio:.2f} times the {name}"
    advice = advise(small.narrowest, image_size) if into > 1 else None
    if advice is not None:
        yield advice
