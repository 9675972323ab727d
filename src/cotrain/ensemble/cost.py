"""What an ensemble costs beside the large network that was divided."""

from dataclasses import dataclass

from cotrain.dividing.division import is_equal_cost, network_cost
from cotrain.ensemble.ensemble import Ensemble
from cotrain.ensemble.peers.peer import Peer
from cotrain.networks import NetworkSpec


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What an ensemble costs, and as a multiple of its large network.

    Args:
        params: Trainable parameters of all S networks.
        macs: Multiply-accumulates of all S networks for one image (1 MAC = 2 FLOPs).
        params_ratio: ``params`` divided by the large network's.
        macs_ratio: ``macs`` divided by the large network's.
        equal: Both ratios are from 0.85 to 1.15.
    """

    params: int
    macs: int
    params_ratio: float
    macs_ratio: float
    equal: bool


def cost_of(ensemble: Ensemble | Peer, beside: NetworkSpec | None = None) -> Cost:
    """The cost of an ensemble beside that of a large network.

    Args:
        ensemble: Whose.
        beside: Spec of the large network; the one that was divided if None.

    Raises:
        ConfigError: None was divided, and none is given.
    """
    large = network_cost(beside or ensemble.spec.large)
    params, macs = ensemble.params, ensemble.macs(ensemble.image_shape)
    ratios = params / large.params, macs / large.macs
    return Cost(
        params=params,
        macs=macs,
        params_ratio=ratios[0],
        macs_ratio=ratios[1],
        equal=all(is_equal_cost(ratio) for ratio in ratios),
    )
