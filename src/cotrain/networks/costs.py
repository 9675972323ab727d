"""What a network costs: trainable parameters, and multiply-accumulates of one image."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from cotrain.networks.evaluating import evaluating


def count_params(module: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def count_macs(module: nn.Module, images: Tensor | Sequence[int]) -> int:
    """Multiply-accumulates of convolutions, linear layers and attention for one image.

    1 MAC is 2 FLOPs. Works on the ``meta`` device, where it takes no time and no memory.

    Args:
        module: A network; it is run once in evaluation mode.
        images: A batch [B, C, H, W], or the shape [C, H, W] of one image.
    """
    from torch.utils.flop_counter import FlopCounterMode

    if not isinstance(images, Tensor):
        device = next(module.parameters()).device
        images = torch.zeros(1, *images, device=device)
    counter = FlopCounterMode(display=False)
    # The counter takes no parameter as a layer's input that asks for a gradient: class tokens do.
    weights = {name: each.detach() for name, each in module.named_parameters()}
    with evaluating(module), torch.no_grad(), _plain_attention(), counter:
        functional_call(module, weights, (images,))
    return counter.get_total_flops() // 2 // len(images)


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Compute attention by matrix products: its fused CPU kernels are not counted."""
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
