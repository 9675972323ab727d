"""The layers that give a network's logits, and weights that come with other ones."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.networks.evaluating import evaluating


def logit_layers(network: nn.Module) -> set[str]:
    """Names of the layers that give the logits: as timm names them, else of the last parameter."""
    named = _named_by_timm(network)
    return named or {list(dict(network.named_parameters()))[-1].rpartition(".")[0]}


def _named_by_timm(network: nn.Module) -> set[str]:
    config: Any = getattr(network, "pretrained_cfg", None)
    named = config.get("classifier") if isinstance(config, Mapping) else None
    return {named} if isinstance(named, str) else set(named or ())


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


def start_small(network: nn.Module) -> None:
    """Give the layers of the logits small weights, drawn from torch's random state, and no bias.

    A fresh head on trained features begins near equal probabilities. timm's own head of an
    EfficientNet does not, for few classes, and has to unlearn what it says.
    """
    for name in logit_layers(network):
        for own, parameter in network.get_submodule(name).named_parameters(recurse=False):
            if own == "weight" and parameter.dim() > 1:
                nn.init.trunc_normal_(parameter, std=0.01)
            elif own == "bias":
                nn.init.zeros_(parameter)


def check_head(network: nn.Module, image_shape: Sequence[int]) -> None:
    """Raise ConfigError if nobody says which layers give the logits, and it is not the last one."""
    if not _named_by_timm(network):
        one_head(network, image_shape)


def one_head(network: nn.Module, image_shape: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    """Name of the one layer whose output is the logits, and the shape of what it gets of an image.

    Args:
        network: It answers two images, in evaluation mode.
        image_shape: [C, H, W] of an image.

    Raises:
        ConfigError: The logits are not the output of the layer that the head is taken for.
    """
    name, *others = sorted(logit_layers(network))
    numbers = torch.linspace(-1, 1, 2 * math.prod(image_shape))
    images = numbers.reshape(2, *image_shape).to(next(network.parameters()))
    with evaluating(network), torch.no_grad():
        features = features_of(network, name, images)
        if features is not None and not others:
            logits = network.get_submodule(name)(features).flatten(1)
            if logits.equal(network.forward(images)):
                return name, tuple(features.shape[1:])
    raise ConfigError(
        f"the head cannot be told from the backbone, as the logits are not what one layer, "
        f"{' or '.join([name, *others])}, gives"
    )


def features_of(network: nn.Module, head: str, images: Tensor) -> Tensor | None:
    """What the layer of this name gets, as a network answers images; None if it never runs."""
    seen: list[Tensor] = []
    layer = network.get_submodule(head)
    hook = layer.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    try:
        network.forward(images)  # compiled code would not call the hook
    finally:
        hook.remove()
    return seen[-1] if seen else None
