"""What tests ask of networks and specs."""

import torch
from torch import Tensor, nn

from cotrain.networks import NetworkSpec, family_of


def widths_of(spec: NetworkSpec) -> tuple[int, ...]:
    """Channels after the stem and after each stage, as the spec's family says."""
    widths = family_of(spec).widths
    assert widths is not None
    return widths(spec)


def gradient_of(tensor: Tensor) -> Tensor:
    """The gradient of a tensor that has one."""
    assert tensor.grad is not None
    return tensor.grad


def gradients_of(network: nn.Module) -> Tensor:
    """The gradients of all parameters, one after the other."""
    return torch.cat([gradient_of(parameter).flatten() for parameter in network.parameters()])
