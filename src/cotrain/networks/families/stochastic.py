"""Random regularisation inside networks: ShakeDrop, Shake-Shake, DropBlock, stochastic depth.

Maps are [B, C, H, W]. Everything is drawn from torch's random state on the map's device, so that
a seed repeats it, and in float32, so that half precision keeps the distributions. Outside
training each is its expectation.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class _Scale(torch.autograd.Function):
    """Multiply by one factor going forward and by another going backward."""

    @staticmethod
    def forward(x: Tensor, forward: Tensor, backward: Tensor) -> Tensor:
        return x * forward

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(inputs[2])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        (backward,) = ctx.saved_tensors
        return gradient * backward, None, None


def scale(x: Tensor, forward: Tensor, backward: Tensor) -> Tensor:
    """``x * forward``, whose gradient is multiplied by ``backward`` instead.

    Args:
        x: A map [B, C, H, W].
        forward: Factors that broadcast to ``x``.
        backward: Factors that broadcast to ``x``.
    """
    return _Scale.apply(x, forward.to(x.dtype), backward.to(x.dtype))


def _per_image(x: Tensor) -> Tensor:
    """A number from [0, 1) for each image, [B, 1, 1, 1]."""
    return torch.rand(len(x), 1, 1, 1, device=x.device)


class ShakeDrop(nn.Module):
    """Randomly disturbs a residual branch (arXiv:1802.02375).

    With probability ``p``, drawn once for the batch, the branch is multiplied for each image by
    alpha from U(-1, 1) and its gradient by beta from U(0, 1); else both are kept. In evaluation
    the branch is multiplied by the expectation 1 - p.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x * (1 - self.p)
        kept = torch.rand((), device=x.device) >= self.p
        alpha, beta = 2 * _per_image(x) - 1, _per_image(x)
        return scale(x, torch.where(kept, 1.0, alpha), torch.where(kept, 1.0, beta))

    def extra_repr(self) -> str:
        return f"p={self.p}"


class ShakeShake(nn.Module):
    """Mixes two residual branches at random (arXiv:1705.07485).

    For each image alpha * first + (1 - alpha) * second with alpha from U(0, 1); going backward
    another draw takes its place. In evaluation the mean of both.
    """

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        if not self.training:
            return 0.5 * (first + second)
        alpha, beta = _per_image(first), _per_image(first)
        return scale(first, alpha, beta) + scale(second, 1 - alpha, 1 - beta)


class DropBlock(nn.Module):
    """Zeroes squares of a map in training (arXiv:1810.12890).

    Each pixel of each channel becomes the seed of a square; squares are cut off at the edges. The
    seeds' probability is that with which squares wholly inside the map would zero the fraction
    ``p``. What is left is scaled up so that the mean of a map of ones is kept over the batch.

    Args:
        p: Fraction to zero, about.
        size: Side of a square in pixels; on smaller maps the map's own.
    """

    def __init__(self, p: float, size: int) -> None:
        super().__init__()
        self.p, self.size = p, size

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        height, width = x.shape[-2:]
        size = min(self.size, height, width)
        places = (height - size + 1) * (width - size + 1)
        seed_probability = self.p * height * width / size**2 / places
        seeds = (torch.rand(x.shape, device=x.device) < seed_probability).float()
        # Of even sizes the pooling gives one row and column more than the map has.
        dropped = F.max_pool2d(seeds, size, stride=1, padding=size // 2)[..., :height, :width]
        kept = 1 - dropped
        return x * (kept * (kept.numel() / kept.sum().clamp(min=1))).to(x.dtype)

    def extra_repr(self) -> str:
        return f"p={self.p}, size={self.size}"


class DropPath(nn.Module):
    """Stochastic depth: drops the residual branch of an image (arXiv:1603.09382).

    In training the branch of each image is zeroed with probability ``p`` and else divided by
    1 - p; in evaluation it is kept.
    """

    # Not torchvision's StochasticDepth: importing cotrain must not import torchvision.

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        return x * ((_per_image(x) >= self.p) / (1 - self.p)).to(x.dtype)

    def extra_repr(self) -> str:
        return f"p={self.p}"
