"""What each layer's learning rate is, as a share of the run's: layer by layer, and for the head."""

from collections.abc import Sequence

import torch
from torch import nn

from cotrain.basics.errors import ConfigError
from cotrain.config import FineTuning
from cotrain.ensemble.ensemble import Ensemble
from cotrain.ensemble.member import inner
from cotrain.ensemble.peers.peer import Peer
from cotrain.networks.evaluating import evaluating
from cotrain.networks.heads import check_head, is_of_head, logit_layers

Scales = dict[nn.Parameter, float]


def lr_scales(ensemble: Ensemble | Peer, settings: FineTuning) -> Scales:
    """By which each parameter's learning rate is multiplied, where that is not 1 for all.

    Every network has its own layers. Those of timm's networks are timm's own; for others see
    ``layers_in_order``.

    Args:
        ensemble: The networks.
        settings: ``layer_decay`` and ``head_lr_scale``.

    Raises:
        ConfigError: The layers of a network have no order, or its head cannot be told.
    """
    scales: Scales = {}
    for network in map(inner, ensemble.networks):
        if settings.layer_decay != 1:
            scales |= _decayed(network, ensemble.image_shape, settings.layer_decay)
        if settings.head_lr_scale != 1:
            check_head(network, ensemble.image_shape)
            for name, parameter in network.named_parameters():
                if is_of_head(name, network):
                    scales[parameter] = scales.get(parameter, 1.0) * settings.head_lr_scale
    return scales


def _decayed(network: nn.Module, image_shape: Sequence[int], decay: float) -> Scales:
    if hasattr(network, "group_matcher"):
        # timm marks no name as exported.
        from timm.optim import param_groups_layer_decay  # pyright: ignore

        groups = param_groups_layer_decay(network, layer_decay=decay)
        return {each: group["lr_scale"] for group in groups for each in group["params"]}
    layers = layers_in_order(network, image_shape)
    last = len(layers) - 1
    return {each: decay ** (last - place) for place, own in enumerate(layers) for each in own}


def layers_in_order(network: nn.Module, image_shape: Sequence[int]) -> list[list[nn.Parameter]]:
    """The parameters of a network, layer by layer as an image goes through it; the head is last.

    A layer is a block: a module of several with a number in its name, such as ``layer1.0`` or
    ``encoder.layer.3``; or a convolution or linear layer between blocks. What stands beside them,
    such as norms and class tokens, is of the layer before it, or else of the first.

    Raises:
        ConfigError: There are no layers between the first and the head.
    """
    heads = logit_layers(network)
    runs = _first_runs(network, image_shape)
    owners = [name for name, each in network.named_modules() if each._parameters]
    blocks = {name: _block(name, network) for name in owners if name not in heads}
    layers: list[list[nn.Parameter]] = [[]]
    last = None
    for name in sorted(blocks, key=lambda name: _first_run(blocks[name] or name, runs)):
        module, block = network.get_submodule(name), blocks[name]
        begins = block != last if block else _is_layer(module)
        if begins and last is not None:
            layers.append([])
        if begins:
            last = block or name
        layers[-1] += module.parameters(recurse=False)
    layers.append([each for name in heads for each in network.get_submodule(name).parameters()])
    if len(layers) < 3:
        raise ConfigError(
            "fine_tuning.layer_decay: the network has no layers between its first and its last "
            "one that have an order: leave it out"
        )
    return layers


def _is_layer(module: nn.Module) -> bool:
    """Whether it multiplies by a matrix, and is no container that owns a token or the like."""
    return not list(module.children()) and any(each.dim() > 1 for each in module.parameters())


def _block(name: str, network: nn.Module) -> str | None:
    """The block that a module is in; None where it stands beside blocks."""
    parts = name.split(".")
    for place, part in enumerate(parts):
        if any(letter.isdigit() for letter in part):
            longer = parts[: place + 2]
            numbered = len(longer) > place + 1 and longer[-1].isdigit()
            ends = longer if numbered and _has_parts(longer, network) else parts[: place + 1]
            return ".".join(ends) if _has_parts(ends, network) else None
    return None


def _has_parts(parts: Sequence[str], network: nn.Module) -> bool:
    return bool(list(network.get_submodule(".".join(parts)).children()))


def _first_runs(network: nn.Module, image_shape: Sequence[int]) -> dict[str, int]:
    """Of each module that runs when an image is answered, its place in the order."""
    runs: dict[str, int] = {}

    def note(name: str) -> None:
        runs.setdefault(name, len(runs))

    hooks = [
        each.register_forward_pre_hook(lambda *_, name=name: note(name))
        for name, each in network.named_modules()
    ]
    try:
        with evaluating(network), torch.no_grad():
            network.forward(torch.zeros(1, *image_shape).to(next(network.parameters())))
    finally:
        for hook in hooks:
            hook.remove()
    return {"": -1, **runs}


def _first_run(name: str, runs: dict[str, int]) -> int:
    """When a module, or one inside it, first runs; where none does, when the one around it."""
    inside = [place for other, place in runs.items() if f"{other}.".startswith(f"{name}.")]
    if inside or not name:
        return min(inside, default=-1)
    return _first_run(name.rpartition(".")[0], runs)
