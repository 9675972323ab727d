"""A network in memory, or a function that makes one, becomes a spec."""

from collections.abc import Callable
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.networks.evaluating import evaluating
from cotrain.networks.foreign.libraries.user_networks import name_builder
from cotrain.networks.foreign.names import foreign_request, recognize
from cotrain.networks.foreign.narrow.initialize import fresh
from cotrain.networks.foreign.spec import ForeignSpec


def spec_of(network: nn.Module | Callable[[], object], example_input: Tensor | None) -> ForeignSpec:
    """The spec of a network that a user brings.

    A network of timm, torchvision or transformers gets the name that it is built by there. Others
    are known by a name of their own while the program runs; ``register_builder`` makes it known
    to another.

    Args:
        network: Any module that maps images [B, C, H, W] to logits [B, classes]; or a function
            without required arguments that makes one.
        example_input: A batch of images [B, C, H, W]; None where the library knows their size.

    Raises:
        ConfigError: The images or logits are not of these shapes, or no example says which are.
    """
    if isinstance(network, nn.Module):
        known = recognize(network)
        if known is not None and example_input is None:
            return known
        made, builder = network, partial(fresh, network)
        name = f"{type(network).__module__}:{type(network).__qualname__}"
    else:
        made, builder, known = network(), cast("Callable[[], nn.Module]", network), None
        name = f"{getattr(network, '__module__', '')}:{getattr(network, '__qualname__', 'builder')}"
    classes, channels, size = _shapes(made, example_input)
    if known is not None:
        return foreign_request(
            known.arch,
            num_classes=classes,
            in_channels=channels,
            image_size=size,
            kwargs=known.kwargs,
        )
    return foreign_request(
        f"python:{name_builder(name, builder)}",
        num_classes=classes,
        in_channels=channels,
        image_size=size,
    )


def _shapes(network: object, example_input: Tensor | None) -> tuple[int, int, int]:
    """Classes, channels and size of the images."""
    if not isinstance(network, nn.Module):
        raise ConfigError(
            f"network={type(network).__name__}: give an nn.Module, a function that makes one, "
            "a name or a spec"
        )
    if example_input is None:
        raise ConfigError(
            f"network={type(network).__name__} does not say which images it takes: "
            "give example_input=torch.zeros(1, 3, 224, 224) or the like"
        )
    shape = tuple(example_input.shape)
    if len(shape) != 4 or shape[2] != shape[3]:
        raise ConfigError(
            f"example_input of shape {list(shape)}: give square images as [B, C, H, W]"
        )
    with evaluating(network), torch.no_grad():
        logits = network(example_input)
    if not isinstance(logits, Tensor) or logits.dim() != 2:
        given = list(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ConfigError(
            f"network={type(network).__name__} gives {given} for a batch of images: "
            "wrap it so that it gives logits [B, classes]"
        )
    return logits.shape[1], shape[1], shape[2]
