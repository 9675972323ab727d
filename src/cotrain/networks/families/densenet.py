"""DenseNet-BC for small images (arXiv:1608.06993): every layer reads all before it."""

import math
import re
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError, IndivisibleError
from cotrain.networks.families import blocks
from cotrain.networks.families.rules import equal_stages
from cotrain.networks.family import CommonSpec, Family, Request

_GROWTH = {"densenet190": 40}


@dataclass(frozen=True, kw_only=True)
class DenseNetSpec(CommonSpec):
    """A DenseNet with bottlenecks (B) and compression by half (C).

    Args:
        layers: Layers of each dense block.
        growth: Channels that a layer adds; the stem has twice as many.
    """

    layers: tuple[int, ...]
    growth: int


class DenseLayer(nn.Module):
    """BN - ReLU - conv1x1 - BN - ReLU - conv3x3, appended to what came in."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = blocks.conv1x1(inputs, 4 * growth)
        self.norm2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = blocks.conv3x3(4 * growth, growth)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        new = self.conv1(self.relu(self.norm1(x)))
        return torch.cat([x, self.conv2(self.relu(self.norm2(new)))], 1)


def _transition(inputs: int, outputs: int) -> nn.Sequential:
    return blocks.named(
        norm=nn.BatchNorm2d(inputs),
        relu=nn.ReLU(inplace=True),
        conv=blocks.conv1x1(inputs, outputs),
        pool=nn.AvgPool2d(2),
    )


def parse(request: Request) -> DenseNetSpec | None:
    """The spec of ``densenet190`` (growth 40) or of ``densenet<d>_<growth>``, for small images."""
    match = re.fullmatch(r"densenet(\d+)(?:_(\d+))?", request.arch)
    if request.layout != "cifar" or match is None:
        return None
    growth = int(match[2]) if match[2] else _GROWTH.get(request.arch)
    if growth is None:
        return None
    if growth < 1:
        raise ConfigError(f"network={request.arch!r}: growth {growth} is below 1: give at least 1")
    layers = equal_stages(request.arch, int(match[1]), per_block=2, extra=4)
    return DenseNetSpec(**request.common, layers=layers, growth=growth)


def widths(spec: DenseNetSpec) -> tuple[int, ...]:
    """Channels after the stem and after each dense block."""
    channels = [2 * spec.growth]
    for block, layers in enumerate(spec.layers):
        inputs = channels[-1] if block == 0 else _compressed(channels[-1])
        channels.append(inputs + layers * spec.growth)
    return tuple(channels)


def _compressed(channels: int) -> int:
    return channels // 2


def build(spec: DenseNetSpec) -> nn.Module:
    """Stem, dense blocks with transitions between them, global average pool, classifier."""
    channels = widths(spec)
    parts: dict[str, nn.Module] = {
        "conv0": blocks.conv3x3(spec.in_channels, channels[0]),
        "norm0": nn.BatchNorm2d(channels[0]),
        "relu0": nn.ReLU(inplace=True),
    }
    inputs = channels[0]
    for block, (layers, outputs) in enumerate(zip(spec.layers, channels[1:], strict=True), 1):
        if block > 1:
            parts[f"transition{block - 1}"] = _transition(inputs, _compressed(inputs))
            inputs = _compressed(inputs)
        starts = (inputs + layer * spec.growth for layer in range(layers))
        parts[f"block{block}"] = nn.Sequential(*(DenseLayer(n, spec.growth) for n in starts))
        inputs = outputs
    network = blocks.named(
        **parts,
        norm_final=nn.BatchNorm2d(inputs),
        relu_final=nn.ReLU(inplace=True),
        **blocks.head(inputs, spec.num_classes, dropout=0),
    )
    blocks.draw_convolutions(network, nn.init.kaiming_normal_)
    blocks.zero_biases(network)
    return network


def divide(spec: DenseNetSpec, into: int) -> DenseNetSpec:
    """k -> k / sqrt(S), rounded down to an integer."""
    growth = int(spec.growth / math.sqrt(into) * 2) // 2
    if growth < 1:
        raise IndivisibleError(f"its growth {spec.growth} would fall below 1")
    return replace(spec, growth=growth)


FAMILY = Family(
    name="densenet",
    spec_type=DenseNetSpec,
    names=tuple(_GROWTH),
    parse=parse,
    build=build,
    widths=widths,
    divide=divide,
    regularization={},
)
