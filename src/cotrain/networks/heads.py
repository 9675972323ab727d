"""The layers that give a network's logits, and weights that come with other ones."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn


def logit_layers(network: nn.Module) -> set[str]:
    """Names of the layers that give the logits: as timm names them, else of the last parameter."""
    config: Any = getattr(network, "pretrained_cfg", None)
    named = config.get("classifier") if isinstance(config, Mapping) else None
    if named:
        return {named} if isinstance(named, str) else set(named)
    return {list(dict(network.named_parameters()))[-1].rpartition(".")[0]}


def is_of_head(name: str, network: nn.Module) -> bool:
    """Whether a tensor of this name is of the layers that give the logits."""
    return name.rpartition(".")[0] in logit_layers(network)


def load_but_head(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load weights, but for a head of another number of classes, which stays as it is.

    Raises:
        RuntimeError: Another tensor lacks, is too many, or has another shape.
    """
    own = network.state_dict()
    others = {
        name
        for name, each in state.items()
        if name in own and own[name].shape != each.shape and is_of_head(name, network)
    }
    network.load_state_dict({**state, **{name: own[name] for name in others}})
