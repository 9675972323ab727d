"""ResNet, Wide ResNet and ResNeXt, for small images (CIFAR) and for photos (ImageNet).

All are post-activation residual networks whose widths double from stage to stage
(arXiv:1512.03385, 1605.07146, 1611.05431); they differ in block, widths and what is divided.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from torch import nn

from cotrain.basics.errors import IndivisibleError
from cotrain.config.datasets import Layout
from cotrain.networks.families import blocks
from cotrain.networks.families.rules import divided_groups, divided_stem
from cotrain.networks.family import CommonSpec


@dataclass(frozen=True, kw_only=True)
class ResNetSpec(CommonSpec):
    """A residual network.

    Args:
        layout: Whose stem it has: one convolution (cifar), or three and a pooling (imagenet).
        block: ``basic`` (3x3, 3x3) or ``bottleneck`` (1x1, 3x3, 1x1; 4 times wider out).
        blocks: Blocks of each stage.
        stem_width: Channels after the first convolution.
        planes: Nominal width of the first stage; it doubles with each stage.
        groups: Groups of the bottleneck's 3x3 convolution.
        base_width: Width of one group, in 64ths of the planes.
        dropout: Probability before the classifier.
        divided_by: Which number shrinks when the network is divided.
        initialization: ``paper`` starts every block as the identity (last BatchNorm at 0) and the
            classifier near 0; ``torchvision`` does neither, which learns sooner in short training.
    """

    layout: Layout = "cifar"
    block: Literal["basic", "bottleneck"]
    blocks: tuple[int, ...]
    stem_width: int
    planes: int
    groups: int = 1
    base_width: int = 64
    dropout: float = 0.0
    divided_by: Literal["widen_factor", "stem", "base_width", "wide_stem", "groups", "width"]
    initialization: Literal["paper", "torchvision"] = "paper"


def build(spec: ResNetSpec) -> nn.Module:
    """Stem, stages of residual blocks, global average pool, dropout, linear classifier."""

    def block(stage: int, inputs: int, outputs: int, stride: int) -> nn.Module:
        if spec.block == "basic":
            return blocks.BasicBlock(inputs, outputs, stride)
        width = int(spec.planes * 2**stage * spec.base_width / 64) * spec.groups
        return blocks.Bottleneck(inputs, outputs, stride, width=width, groups=spec.groups)

    channels = widths(spec)
    if spec.layout == "cifar":
        stem = blocks.stem(spec.in_channels, spec.stem_width)
    else:
        pool = nn.MaxPool2d(3, 2, padding=1)
        stem = blocks.stem(spec.in_channels, *[spec.stem_width] * 2, channels[0], pool=pool)
    network = blocks.named(
        layer0=stem,
        **blocks.residual_stages(spec.blocks, channels, block),
        **blocks.head(channels[-1], spec.num_classes, spec.dropout),
    )
    _initialize(network, spec)
    return network


def _initialize(network: nn.Sequential, spec: ResNetSpec) -> None:
    blocks.draw_convolutions(network, blocks.kaiming_fan_out)
    if spec.initialization == "paper":
        blocks.near_zero(network.get_submodule("fc"))  # type: ignore[arg-type]
        for layer in network.modules():
            if isinstance(layer, blocks.BasicBlock | blocks.Bottleneck):
                layer.start_as_identity()


def widths(spec: ResNetSpec) -> tuple[int, ...]:
    """Channels after the stem and after each stage."""
    kind = blocks.BasicBlock if spec.block == "basic" else blocks.Bottleneck
    stem = spec.stem_width if spec.layout == "cifar" else 2 * spec.stem_width
    return stem, *(spec.planes * kind.expansion * 2**stage for stage in range(len(spec.blocks)))


def _divide_widen_factor(spec: ResNetSpec, into: int) -> ResNetSpec:
    """k -> int(k / sqrt(S) + 0.4); the stem of 16 channels is kept."""
    factor = spec.planes // 16
    divided = factor / math.sqrt(into) + 0.4
    if divided < 1:
        raise IndivisibleError(f"its widen factor {factor} would fall below 1")
    return replace(spec, planes=16 * int(divided))


def _divide_stem(spec: ResNetSpec, into: int) -> ResNetSpec:
    """The published stem widths; the stages follow."""
    width = divided_stem(spec.stem_width, into)
    return replace(spec, stem_width=width, planes=width)


def _divide_wide_stem(spec: ResNetSpec, into: int) -> ResNetSpec:
    """Wide networks for photos: by the stem, the bottlenecks stay as wide beside it."""
    if into > 4:
        raise IndivisibleError("Wide ResNets for photos are published for S=2 and S=4")
    return _divide_stem(spec, into)


def _divide_base_width(spec: ResNetSpec, into: int) -> ResNetSpec:
    """S=2 narrows the bottlenecks only, S=4 the stem only."""
    table = {128: 64, 192: 128}
    if into == 2 and spec.base_width in table:
        return replace(spec, base_width=table[spec.base_width])
    return _divide_wide_stem(spec, into)


def _divide_groups(spec: ResNetSpec, into: int) -> ResNetSpec:
    return replace(spec, groups=divided_groups(spec.groups, into))


def _divide_width(spec: ResNetSpec, into: int) -> ResNetSpec:
    """Every width shrinks to round(w / sqrt(S))."""
    width = round(spec.planes / math.sqrt(into))
    if width < 1:
        raise IndivisibleError(f"its width {spec.planes} would fall below 1")
    return replace(spec, stem_width=width, planes=width)


_DIVISIONS: dict[str, Callable[[ResNetSpec, int], ResNetSpec]] = {
    "widen_factor": _divide_widen_factor,
    "stem": _divide_stem,
    "wide_stem": _divide_wide_stem,
    "base_width": _divide_base_width,
    "groups": _divide_groups,
    "width": _divide_width,
}


def divide(spec: ResNetSpec, into: int) -> ResNetSpec:
    """The widths of one of ``into`` networks, by the rule that the spec names."""
    return _DIVISIONS[spec.divided_by](spec, into)
