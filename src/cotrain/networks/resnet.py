"""ResNet, Wide ResNet and ResNeXt for small images (CIFAR): specs, names, division, network.

All are post-activation residual networks of three stages whose widths double
(arXiv:1512.03385, 1605.07146, 1611.05431); they differ in block, widths and what is divided.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import Tensor, nn

from cotrain.errors import ConfigError, IndivisibleError
from cotrain.networks.blocks import BasicBlock, Bottleneck, conv3x3, initialize, kaiming_fan_out
from cotrain.networks.registry import Family, Request, register


@dataclass(frozen=True, kw_only=True)
class ResNetSpec:
    """A residual network for small images.

    Args:
        arch: The name it was made from; a divided spec keeps the large network's.
        num_classes: C.
        in_channels: Channels of an image.
        image_size: Height and width of an image in pixels.
        block: ``basic`` (two 3x3 convolutions) or ``bottleneck`` (1x1, 3x3, 1x1; 4 times wider out).
        blocks: Blocks of each stage.
        stem_width: Channels after the first convolution.
        planes: Nominal width of the first stage; it doubles with each stage.
        groups: Groups of the bottleneck's 3x3 convolution.
        base_width: Width of one group, in 64ths of the planes.
        dropout: Probability before the classifier.
        divided_by: Which number shrinks when the network is divided.
    """

    arch: str
    num_classes: int
    in_channels: int = 3
    image_size: int = 32
    block: Literal["basic", "bottleneck"]
    blocks: tuple[int, ...]
    stem_width: int
    planes: int
    groups: int = 1
    base_width: int = 64
    dropout: float = 0.0
    divided_by: Literal["widen_factor", "stem", "groups", "width"]


class ResNet(nn.Module):
    """Stem, stages of residual blocks, global average pool, dropout, linear classifier."""

    def __init__(self, spec: ResNetSpec) -> None:
        super().__init__()
        self.layer0 = nn.Sequential(
            conv3x3(spec.in_channels, spec.stem_width),
            nn.BatchNorm2d(spec.stem_width),
            nn.ReLU(inplace=True),
        )
        channels = spec.stem_width
        self.stages = len(spec.blocks)
        for stage in range(self.stages):
            layers, channels = _stage(spec, stage, channels)
            self.add_module(f"layer{stage + 1}", layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(spec.dropout)
        self.fc = nn.Linear(channels, spec.num_classes)
        _initialize(self)

    def forward(self, images: Tensor) -> Tensor:
        """Images [B, C, H, W] to logits [B, num_classes]."""
        x = self.layer0(images)
        for stage in range(self.stages):
            x = self.get_submodule(f"layer{stage + 1}")(x)
        return self.fc(self.dropout(self.pool(x).flatten(1)))


def _stage(spec: ResNetSpec, stage: int, inputs: int) -> tuple[nn.Sequential, int]:
    """The blocks of one stage and their output channels; the first block halves the size."""
    block = BasicBlock if spec.block == "basic" else Bottleneck
    planes = spec.planes * 2**stage
    width = int(planes * spec.base_width / 64) * spec.groups
    outputs = planes * block.expansion
    layers: list[nn.Module] = []
    for index in range(spec.blocks[stage]):
        stride = 2 if stage > 0 and index == 0 else 1
        layers.append(block(inputs, width, outputs, stride, spec.groups))
        inputs = outputs
    return nn.Sequential(*layers), outputs


def _initialize(network: ResNet) -> None:
    """He initialisation; the last BatchNorm of a block starts at 0, so a block starts as identity."""
    initialize(network, kaiming_fan_out)
    for layer in network.modules():
        if isinstance(layer, BasicBlock | Bottleneck):
            last = layer.bn2 if isinstance(layer, BasicBlock) else layer.bn3
            nn.init.zeros_(last.weight)


def widths(spec: ResNetSpec) -> tuple[int, ...]:
    """Channels after the stem and after each stage."""
    expansion = BasicBlock.expansion if spec.block == "basic" else Bottleneck.expansion
    stages = (spec.planes * expansion * 2**stage for stage in range(len(spec.blocks)))
    return spec.stem_width, *stages


def divide(spec: ResNetSpec, into: int) -> ResNetSpec:
    """The widths of one of ``into`` networks, by the rule that the spec names."""
    return _DIVISIONS[spec.divided_by](spec, into)


def _divide_widen_factor(spec: ResNetSpec, into: int) -> ResNetSpec:
    """k -> int(k / sqrt(S) + 0.4); the stem of 16 channels is kept."""
    factor = spec.planes // 16
    divided = factor / math.sqrt(into) + 0.4
    if divided < 1:
        raise IndivisibleError(f"its widen factor {factor} would fall below 1")
    return replace(spec, planes=16 * int(divided))


def _divide_stem(spec: ResNetSpec, into: int) -> ResNetSpec:
    """The published table of stem widths, about 16 / sqrt(S); the stages follow."""
    table = {2: 12, 4: 8, 8: 6, 16: 4}
    if spec.stem_width != 16 or into not in table:
        raise IndivisibleError(f"the table of stem widths (16 -> {table}) has no entry")
    return replace(spec, stem_width=table[into], planes=table[into])


def _divide_groups(spec: ResNetSpec, into: int) -> ResNetSpec:
    """Cost is linear in the groups: groups / S; group width and stage widths are kept."""
    if spec.groups % into:
        raise IndivisibleError(f"its {spec.groups} groups are not divisible by {into}")
    return replace(spec, groups=spec.groups // into)


def _divide_width(spec: ResNetSpec, into: int) -> ResNetSpec:
    """Every width shrinks to round(w / sqrt(S))."""
    width = round(spec.planes / math.sqrt(into))
    if width < 1:
        raise IndivisibleError(f"its width {spec.planes} would fall below 1")
    return replace(spec, stem_width=width, planes=width)


_DIVISIONS: dict[str, Callable[[ResNetSpec, int], ResNetSpec]] = {
    "widen_factor": _divide_widen_factor,
    "stem": _divide_stem,
    "groups": _divide_groups,
    "width": _divide_width,
}


def parse(request: Request) -> ResNetSpec | None:
    """``wide_resnet<d>_<k>``, ``resnet<d>``, ``resnext<d>_<groups>x<width>d``, ``basic_resnet<d>_<w>``."""
    for pattern, fields_of in _NAMES.items():
        match = re.fullmatch(pattern, request.arch)
        if match and request.layout == "cifar":
            return ResNetSpec(
                arch=request.arch,
                num_classes=request.num_classes,
                in_channels=request.in_channels,
                image_size=request.image_size,
                **fields_of(request.arch, *(int(number) for number in match.groups() if number)),
            )
    return None


def _blocks(arch: str, depth: int, per_block: int, extra: int) -> tuple[int, int, int]:
    """Blocks of each of three equal stages of a network of ``depth`` layers."""
    blocks, rest = divmod(depth - extra, per_block * 3)
    if rest or blocks < 1:
        step = per_block * 3
        nearest = step * max(1, round((depth - extra) / step)) + extra
        raise ConfigError(
            f"network={arch!r}: depth {depth} is not {step}n+{extra}: the nearest is {nearest}"
        )
    return blocks, blocks, blocks


def _wide_resnet(arch: str, depth: int, factor: int) -> dict[str, Any]:
    if factor < 1:
        raise ConfigError(f"network={arch!r}: widen factor {factor} is below 1: give at least 1")
    return {
        "block": "basic",
        "blocks": _blocks(arch, depth, per_block=2, extra=4),
        "stem_width": 16,
        "planes": 16 * factor,
        # The one CIFAR network of the paper that has dropout before its classifier.
        "dropout": 0.1 if arch == "wide_resnet40_10" else 0.0,
        "divided_by": "widen_factor",
    }


def _resnet(arch: str, depth: int) -> dict[str, Any]:
    blocks = _blocks(arch, depth, per_block=3, extra=2)
    widths = {"stem_width": 16, "planes": 16, "divided_by": "stem"}
    return {"block": "bottleneck", "blocks": blocks, **widths}


def _resnext(arch: str, depth: int, groups: int, base_width: int) -> dict[str, Any]:
    if groups < 1 or base_width < 1:
        raise ConfigError(f"network={arch!r}: groups and group width must be at least 1")
    return {
        "block": "bottleneck",
        "blocks": _blocks(arch, depth, per_block=3, extra=2),
        "stem_width": 64,
        "planes": 64,
        "groups": groups,
        "base_width": base_width,
        "divided_by": "groups",
    }


def _basic_resnet(arch: str, depth: int = 8, width: int = 32) -> dict[str, Any]:
    if width < 1:
        raise ConfigError(f"network={arch!r}: width {width} is below 1: give at least 1")
    blocks = _blocks(arch, depth, per_block=2, extra=2)
    widths = {"stem_width": width, "planes": width, "divided_by": "width"}
    return {"block": "basic", "blocks": blocks, **widths}


_NAMES: dict[str, Callable[..., dict[str, Any]]] = {
    r"wide_resnet(\d+)_(\d+)": _wide_resnet,
    r"resnet(\d+)": _resnet,
    r"resnext(\d+)_(\d+)x(\d+)d": _resnext,
    r"basic_resnet(?:(\d+)_(\d+))?": _basic_resnet,
}

register(
    Family(
        name="resnet",
        spec_type=ResNetSpec,
        names=(
            "basic_resnet",
            "resnet110",
            "resnet164",
            "resnext29_8x64d",
            "resnext29_16x64d",
            "wide_resnet16_8",
            "wide_resnet16_12",
            "wide_resnet28_10",
            "wide_resnet40_10",
            "wide_resnet52_8",
        ),
        parse=parse,
        build=ResNet,
        widths=widths,
        divide=divide,
        regularization={"dropout": 1.0},
    )
)
