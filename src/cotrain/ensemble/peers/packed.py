"""A packed network: S thin estimators side by side in the groups of one network's convolutions.

Source: arXiv:2210.09184. The layers are torch-uncertainty's, the network is the large network
itself, layer by layer, so that a comparison is of one architecture.
"""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Float
from cotrain.ensemble.peers.library import of_library
from cotrain.networks.evaluating import evaluating

# Every layer is so many times wider, and then cut into S parts that do not see each other: with
# S=4 the params and MACs are those of the large network but for the first and the last layer.
ALPHA = 2  # with GAMMA the library's own
GAMMA = 1  # groups of each estimator
_KINDS = (nn.Conv2d, nn.Linear, nn.BatchNorm2d)


class Packed(nn.Module):
    """All estimators of a packed network see the same images.

    Args:
        network: What ``pack`` made.
        into: S.
    """

    def __init__(self, network: nn.Module, into: int) -> None:
        super().__init__()
        self.network = network
        self.into = into

    def forward(self, images: Float[Tensor, "B channels H W"]) -> Float[Tensor, "S B C"]:
        """Logits of every estimator."""
        return self.network(images).unflatten(0, (self.into, -1))


def pack(network: nn.Module, into: int, image_shape: Sequence[int]) -> nn.Module:
    """The network with packed layers in the place of its own; it is changed.

    Packed layers are initialised as the library does it, norms as the network has them.

    Args:
        network: Its logits are [B, C]; the packed one's are [S * B, C], estimator by estimator.
        into: S.
        image_shape: [C, H, W] of an image.

    Raises:
        ConfigError: A layer that cannot be packed, widths that S does not divide, or estimators
            that would see each other.
    """
    called = _called(network, image_shape)
    kinds = [type(network.get_submodule(name)) for name in (called[0], called[-1])]
    if kinds != [nn.Conv2d, nn.Linear]:
        raise ConfigError(
            "peer=packed needs a network that begins with a convolution and ends "
            f"with a linear layer, not {kinds[0].__name__} and {kinds[1].__name__}"
        )
    for name, layer in list(network.named_modules()):
        if type(layer) in _KINDS:
            ends = {"first": name == called[0], "last": name == called[-1]}
            parent, _, own = name.rpartition(".")
            setattr(network.get_submodule(parent), own, _packed(name, layer, into, ends))
        elif next(layer.parameters(recurse=False), None) is not None:
            raise ConfigError(
                f"peer=packed: {name or 'the network'} is a {type(layer).__name__}, which cannot "
                f"be packed: use a network of {', '.join(kind.__name__ for kind in _KINDS)}"
            )
    if not next(network.parameters()).is_meta:
        _check_apart(network, called[0], into, image_shape)
    return network


def _called(network: nn.Module, image_shape: Sequence[int]) -> list[str]:
    """The layers with weights, in the order in which an image meets them; no norms."""
    found: list[str] = []
    hooks = [
        layer.register_forward_pre_hook(lambda *_, name=name: found.append(name))
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    device = next(network.parameters()).device
    with evaluating(network), torch.no_grad():
        network(torch.zeros(1, *image_shape, device=device))
    for hook in hooks:
        hook.remove()
    return found


def _packed(name: str, layer: nn.Module, into: int, ends: dict[str, bool]) -> nn.Module:
    layers = of_library("layers", "packed")
    given = {"alpha": ALPHA, "gamma": GAMMA, "num_estimators": into, **ends}
    try:
        if isinstance(layer, nn.Conv2d):
            return layers.PackedConv2d(
                layer.in_channels,
                layer.out_channels,
                layer.kernel_size,
                stride=layer.stride,
                padding=layer.padding,
                dilation=layer.dilation,
                groups=layer.groups,
                padding_mode=layer.padding_mode,
                bias=layer.bias is not None,
                device=layer.weight.device,
                **given,
            )
        if isinstance(layer, nn.Linear):
            return layers.PackedLinear(
                layer.in_features,
                layer.out_features,
                bias=layer.bias is not None,
                device=layer.weight.device,
                **given,
            )
    except ValueError:
        raise ConfigError(
            f"peer=packed: {into} estimators cannot share {ALPHA} times the channels of {name}, "
            f"{layer}: give another number of answers, or another network"
        ) from None
    assert isinstance(layer, nn.BatchNorm2d)
    return _wider_norm(layer)


def _wider_norm(norm: nn.BatchNorm2d) -> nn.BatchNorm2d:
    """A norm of all estimators, which starts as the one it stands for (at 0, some do)."""
    wide = copy.deepcopy(norm)
    wide.num_features *= ALPHA
    tensors = [*norm.named_parameters(), *norm.named_buffers()]
    for name, tensor in tensors:
        if tensor.dim():
            value = tensor.detach().repeat(ALPHA)
            setattr(wide, name, nn.Parameter(value) if name in wide._parameters else value)
    return wide


def _check_apart(network: nn.Module, stem: str, into: int, image_shape: Sequence[int]) -> None:
    """Raise ConfigError if an estimator answers by what another one has computed.

    A network that joins maps (DenseNet) or moves channels mixes them. Image j has the stem's maps
    of estimator j - 1 changed, which may change that estimator's answer alone.
    """
    copied = copy.deepcopy(network).double()

    def change(_: nn.Module, __: object, maps: Tensor) -> Tensor:
        parts = maps.unflatten(1, (into, -1))
        for index in range(into):
            parts[1 + index, index] += 1 + torch.rand_like(parts[1 + index, index])
        return maps

    copied.get_submodule(stem).register_forward_hook(change)
    image = torch.rand(1, *image_shape, dtype=torch.float64)
    with evaluating(copied), torch.no_grad():
        logits = copied(image.expand(1 + into, *image_shape)).unflatten(0, (into, -1))
    moved = (logits[:, 1:] - logits[:, :1]).abs().amax(-1) > 1e-9
    if not torch.equal(moved, torch.eye(into, dtype=torch.bool)):
        raise ConfigError(
            "peer=packed: the network joins or moves its channels, so that its estimators would "
            "see each other: use another, such as a ResNet"
        )
