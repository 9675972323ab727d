"""What dividing a network costs and changes, told before anything is trained."""

from dataclasses import dataclass

import torch

from cotrain.costs import count_macs, count_params
from cotrain.dividing import divide_spec
from cotrain.dividing.regularization import divide_weight_decay
from cotrain.networks import NetworkSpec, build, family_of

# Outside these the S networks do not cost what the large one costs.
EQUAL_COST = (0.85, 1.15)


@dataclass(frozen=True, kw_only=True)
class NetworkCost:
    """One network's cost.

    Args:
        params: Trainable parameters.
        macs: Multiply-accumulates for one image (1 MAC = 2 FLOPs).
        widths: Channels after the stem and after each stage.
        regularization: Its dropout and similar probabilities, by name.
    """

    params: int
    macs: int
    widths: tuple[int, ...]
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
    """

    network: str
    into: int
    large: NetworkCost
    small: NetworkCost
    params_ratio: float
    macs_ratio: float
    weight_decay: float
    divided_weight_decay: float


def is_equal_cost(ratio: float) -> bool:
    """Whether S networks cost about what the large one costs."""
    return EQUAL_COST[0] <= ratio <= EQUAL_COST[1]


def network_cost(spec: NetworkSpec) -> NetworkCost:
    """The cost of a spec's network, counted without memory or arithmetic."""
    family = family_of(spec)
    with torch.device("meta"):
        network = build(spec)
    return NetworkCost(
        params=count_params(network),
        macs=count_macs(network, (spec.in_channels, spec.image_size, spec.image_size)),
        widths=family.widths(spec),
        regularization={name: getattr(spec, name) for name in family.regularization},
    )


def describe_division(large: NetworkSpec, into: int, *, weight_decay: float) -> Division:
    """The large network and one of the S it is divided into, side by side.

    Raises:
        ConfigError: The network cannot be divided into S.
    """
    before, after = network_cost(large), network_cost(divide_spec(large, into))
    return Division(
        network=large.arch,
        into=into,
        large=before,
        small=after,
        params_ratio=into * after.params / before.params,
        macs_ratio=into * after.macs / before.macs,
        weight_decay=weight_decay,
        divided_weight_decay=divide_weight_decay(weight_decay, into),
    )
