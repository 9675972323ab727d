"""PyramidNet with ShakeDrop for small images (arXiv:1610.02915, 1802.02375).

Each block is a little wider than the one before, by the same fraction of a channel.
"""

import math
import re
from dataclasses import dataclass, replace

from torch import Tensor, nn
from torch.nn import functional as F

from cotrain.basics.errors import ConfigError
from cotrain.networks.families import blocks
from cotrain.networks.families.rules import equal_stages
from cotrain.networks.families.stochastic import ShakeDrop
from cotrain.networks.family import CommonSpec, Family, Request

_STEM = 16
EXPANSION = 4
_ALPHA = {"pyramidnet164": 270, "pyramidnet272": 200}


@dataclass(frozen=True, kw_only=True)
class PyramidNetSpec(CommonSpec):
    """A PyramidNet of bottlenecks.

    Args:
        blocks: Blocks of each stage.
        alpha: How much wider the last block is than the stem.
        shake_drop: ShakeDrop's probability at the last block; it rises linearly from the first.
    """

    blocks: tuple[int, ...]
    alpha: float
    shake_drop: float = 0.5


class PyramidBlock(nn.Module):
    """BN - conv1x1 - BN - ReLU - conv3x3 - BN - ReLU - conv1x1 - BN - ShakeDrop, plus shortcut.

    The shortcut is the input, pooled where the block halves the map; the channels that it lacks
    are zeros after its own.
    """

    def __init__(self, inputs: int, width: int, stride: int, shake_drop: float) -> None:
        super().__init__()
        outputs = EXPANSION * width
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = blocks.conv1x1(inputs, width)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = blocks.conv3x3(width, width, stride)
        self.bn3 = nn.BatchNorm2d(width)
        self.conv3 = blocks.conv1x1(width, outputs)
        self.bn4 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.drop = ShakeDrop(shake_drop)
        self.pool = nn.Identity() if stride == 1 else blocks.half_pool()
        self.lacking = outputs - inputs

    def forward(self, x: Tensor) -> Tensor:
        shortcut = F.pad(self.pool(x), (0, 0, 0, 0, 0, self.lacking))
        x = self.conv1(self.bn1(x))
        x = self.conv2(self.relu(self.bn2(x)))
        x = self.conv3(self.relu(self.bn3(x)))
        return self.drop(self.bn4(x)) + shortcut


def parse(request: Request) -> PyramidNetSpec | None:
    """The spec of a published name or of ``pyramidnet<d>_<alpha>``, for small images."""
    match = re.fullmatch(r"pyramidnet(\d+)(?:_(\d+))?", request.arch)
    if request.layout != "cifar" or match is None:
        return None
    alpha = int(match[2]) if match[2] else _ALPHA.get(request.arch)
    if alpha is None:
        return None
    if alpha < 1:
        raise ConfigError(f"network={request.arch!r}: alpha {alpha} is below 1: give at least 1")
    stages = equal_stages(request.arch, int(match[1]), per_block=3, extra=2)
    return PyramidNetSpec(**request.common, blocks=stages, alpha=alpha)


def block_widths(spec: PyramidNetSpec) -> list[int]:
    """Width of the 3x3 convolution of every block, rounded half to even."""
    widths, width = [], float(_STEM)
    for _ in range(sum(spec.blocks)):
        width += spec.alpha / sum(spec.blocks)
        widths.append(round(width))
    return widths


def widths(spec: PyramidNetSpec) -> tuple[int, ...]:
    """Channels after the stem and after each stage."""
    every = block_widths(spec)
    ends = (sum(spec.blocks[: stage + 1]) - 1 for stage in range(len(spec.blocks)))
    return _STEM, *(EXPANSION * every[end] for end in ends)


def build(spec: PyramidNetSpec) -> nn.Module:
    """Stem without ReLU, three stages, BatchNorm, ReLU, global average pool, classifier."""
    every = block_widths(spec)
    stages: dict[str, nn.Module] = {}
    inputs, done = _STEM, 0
    for stage, count in enumerate(spec.blocks):
        layers = []
        for index in range(count):
            stride = 2 if stage and not index else 1
            shake_drop = spec.shake_drop * (done + 1) / len(every)
            layers.append(PyramidBlock(inputs, every[done], stride, shake_drop))
            inputs, done = EXPANSION * every[done], done + 1
        stages[f"layer{stage + 1}"] = nn.Sequential(*layers)
    network = blocks.named(
        conv1=blocks.conv3x3(spec.in_channels, _STEM),
        bn1=nn.BatchNorm2d(_STEM),
        **stages,
        bn_final=nn.BatchNorm2d(inputs),
        relu=nn.ReLU(inplace=True),
        **blocks.head(inputs, spec.num_classes, dropout=0),
    )
    blocks.draw_convolutions(network, blocks.kaiming_fan_out)
    return network


def divide(spec: PyramidNetSpec, into: int) -> PyramidNetSpec:
    """alpha / sqrt(S), not rounded; the stem of 16 channels is kept."""
    return replace(spec, alpha=spec.alpha / math.sqrt(into))


FAMILY = Family(
    name="pyramidnet",
    spec_type=PyramidNetSpec,
    names=tuple(_ALPHA),
    parse=parse,
    build=build,
    widths=widths,
    divide=divide,
    regularization={"shake_drop": 0.5},
)
