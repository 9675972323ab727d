"""Shake-Shake 26 2x96d (arXiv:1705.07485): two branches a block, mixed at random in training."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cotrain.basics.errors import IndivisibleError
from cotrain.networks.families import blocks
from cotrain.networks.families.stochastic import ShakeShake
from cotrain.networks.family import CommonSpec, Family, Request

_STEM = 16
BLOCKS = (4, 4, 4)


@dataclass(frozen=True, kw_only=True)
class ShakeShakeSpec(CommonSpec):
    """A Shake-Shake network of three stages of four blocks.

    Args:
        width: Channels of the first stage; they double with each stage.
        unused_shortcuts: Whether blocks whose input is added as it is carry the weights of a
            shortcut nevertheless, which nothing trains: the authors' checkpoints hold them.
    """

    width: int
    unused_shortcuts: bool = False


class Shortcut(nn.Module):
    """ReLU; every ``stride``-th pixel and its neighbour, each to half the channels; BN."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.conv1 = blocks.conv1x1(inputs, outputs // 2)
        self.conv2 = blocks.conv1x1(inputs, outputs // 2)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(x)
        # One pixel to the left and up; the last row and column become zero.
        shifted = F.pad(x[..., 1:, 1:], (0, 1, 0, 1))
        step = self.stride
        first, second = x[..., ::step, ::step], shifted[..., ::step, ::step]
        return self.bn(torch.cat([self.conv1(first), self.conv2(second)], 1))


def _branch(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """ReLU - conv3x3 - BN - ReLU - conv3x3 - BN; both branches read the block's input."""
    return nn.Sequential(
        nn.ReLU(),
        blocks.conv3x3(inputs, outputs, stride),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        blocks.conv3x3(outputs, outputs),
        nn.BatchNorm2d(outputs),
    )


class ShakeShakeBlock(nn.Module):
    """Two branches mixed, plus the shortcut; there is no ReLU after the addition."""

    def __init__(self, inputs: int, outputs: int, stride: int, unused_shortcut: bool) -> None:
        super().__init__()
        self.changes = inputs != outputs or stride != 1
        needed = self.changes or unused_shortcut
        self.shortcut = Shortcut(inputs, outputs, stride) if needed else None
        self.branch1 = _branch(inputs, outputs, stride)
        self.branch2 = _branch(inputs, outputs, stride)
        self.shake = ShakeShake()

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.shortcut(x) if self.changes and self.shortcut is not None else x
        return self.shake(self.branch1(x), self.branch2(x)) + shortcut


def parse(request: Request) -> ShakeShakeSpec | None:
    """The spec of the published name, for small images."""
    if request.layout != "cifar" or request.arch != "shake_resnet26_2x96d":
        return None
    return ShakeShakeSpec(**request.common, width=96)


def widths(spec: ShakeShakeSpec) -> tuple[int, ...]:
    """Channels after the stem and after each stage."""
    return _STEM, spec.width, 2 * spec.width, 4 * spec.width


def build(spec: ShakeShakeSpec) -> nn.Module:
    """Stem without ReLU, three stages, ReLU, global average pool, linear classifier."""

    def block(stage: int, inputs: int, outputs: int, stride: int) -> nn.Module:
        return ShakeShakeBlock(inputs, outputs, stride, spec.unused_shortcuts)

    channels = widths(spec)
    network = blocks.named(
        conv=nn.Conv2d(spec.in_channels, _STEM, 3, padding=1),
        bn=nn.BatchNorm2d(_STEM),
        **blocks.residual_stages(BLOCKS, channels, block),
        relu=nn.ReLU(inplace=True),
        **blocks.head(channels[-1], spec.num_classes, dropout=0),
    )
    blocks.draw_convolutions(network, blocks.kaiming_fan_out)
    blocks.near_zero(network.get_submodule("fc"))  # type: ignore[arg-type]
    return network


def divide(spec: ShakeShakeSpec, into: int) -> ShakeShakeSpec:
    """The published widths, about 96 / sqrt(S)."""
    table = {2: 64, 4: 48, 8: 32}
    if spec.width != 96 or into not in table:
        raise IndivisibleError(f"the table of widths (96 -> {table}) has no entry")
    return replace(spec, width=table[into])


FAMILY = Family(
    name="shake_shake",
    spec_type=ShakeShakeSpec,
    names=("shake_resnet26_2x96d",),
    parse=parse,
    build=build,
    widths=widths,
    divide=divide,
    regularization={},
    switches=("unused_shortcuts",),
)
