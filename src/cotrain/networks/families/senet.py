"""SE-ResNet, SE-ResNeXt and SENet: bottlenecks that end in a squeeze-and-excitation gate.

Source: arXiv:1709.01507.
"""

import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import nn

from cotrain.config.datasets import Layout
from cotrain.networks.families import blocks
from cotrain.networks.families.rules import divided_groups, divided_stem, equal_stages
from cotrain.networks.families.stochastic import DropBlock
from cotrain.networks.family import CommonSpec, Family, Request


@dataclass(frozen=True, kw_only=True)
class SENetSpec(CommonSpec):
    """A network of squeeze-and-excitation bottlenecks.

    Args:
        layout: Whose stem it has: one convolution (cifar), or three and a pooling (imagenet).
        blocks: Blocks of each stage.
        stem_width: Channels after the first convolution.
        stem_outputs: Channels after the stem.
        planes: Nominal width of the first stage; it doubles with each stage.
        groups: Groups of the bottleneck's 3x3 convolution.
        base_width: Width of one group, in 64ths of the planes.
        entry: The first 1x1 convolution is this much narrower than the 3x3 convolution.
        reduction: The gate's hidden width is the block's output over this.
        shortcut: How a shortcut halves the map: ``pool`` and a 1x1 convolution, or ``conv3x3``.
        dropout: Probability before the classifier.
        drop_block: Fraction that DropBlock zeroes in the last two stages.
        divided_by: Which number shrinks when the network is divided.
    """

    layout: Layout
    blocks: tuple[int, ...]
    stem_width: int
    stem_outputs: int
    planes: int
    groups: int = 1
    base_width: int = 64
    entry: int = 1
    reduction: int = 16
    shortcut: Literal["pool", "conv3x3"] = "pool"
    dropout: float = 0.0
    drop_block: float = 0.0
    divided_by: Literal["stem", "groups"]


_SE_RESNET = {"divided_by": "stem"}
_SE_RESNEXT = {"groups": 64, "base_width": 4, "divided_by": "groups"}
_SENET = {**_SE_RESNEXT, "entry": 2, "stem_outputs": 128}
_PHOTOS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "se_resnet50": ((3, 4, 6, 3), _SE_RESNET),
    "se_resnet50_B": ((3, 4, 6, 3), {**_SE_RESNET, "drop_block": 0.1}),
    "se_resnet101": ((3, 4, 23, 3), _SE_RESNET),
    "se_resnet152": ((3, 8, 36, 3), _SE_RESNET),
    "se_resnext101_64x4d": ((3, 4, 23, 3), _SE_RESNEXT),
    "se_resnext101_64x4d_B": ((3, 4, 23, 3), {**_SE_RESNEXT, "stem_outputs": 128}),
    "senet113": ((3, 8, 23, 3), _SENET),
    "senet154": ((3, 8, 36, 3), {**_SENET, "shortcut": "conv3x3"}),
}


def parse(request: Request) -> SENetSpec | None:
    """The spec of a published name for photos, or of ``se_resnet<d>`` for small images."""
    if (request.arch in _PHOTOS) != (request.layout == "imagenet"):
        return None
    if request.layout == "imagenet":
        stages, differences = _PHOTOS[request.arch]
        fields = {"stem_width": 64, "stem_outputs": 64, "planes": 64, "dropout": 0.2, **differences}
        return SENetSpec(**request.common, layout="imagenet", blocks=stages, **fields)
    match = re.fullmatch(r"se_resnet(\d+)", request.arch)
    if match is None:
        return None
    return SENetSpec(
        **request.common,
        layout="cifar",
        blocks=equal_stages(request.arch, int(match[1]), per_block=3, extra=2),
        stem_width=16,
        stem_outputs=16,
        planes=16,
        reduction=4,
        divided_by="stem",
    )


def widths(spec: SENetSpec) -> tuple[int, ...]:
    """Channels after the stem and after each stage."""
    stages = (4 * spec.planes * 2**stage for stage in range(len(spec.blocks)))
    return spec.stem_outputs, *stages


def build(spec: SENetSpec) -> nn.Module:
    """Stem, stages of bottlenecks, global average pool, dropout, linear classifier."""
    channels = widths(spec)
    network = blocks.named(
        layer0=se_stem(spec.layout, spec.in_channels, spec.stem_width, spec.stem_outputs),
        **blocks.residual_stages(spec.blocks, channels, _block_maker(spec)),
        **blocks.head(channels[-1], spec.num_classes, spec.dropout),
    )
    initialize(network)
    return network


def se_stem(layout: Layout, inputs: int, width: int, outputs: int) -> nn.Sequential:
    """One convolution for small images; three and a pooling without padding for photos."""
    if layout == "cifar":
        return blocks.stem(inputs, outputs)
    return blocks.stem(inputs, width, width, outputs, pool=nn.MaxPool2d(3, 2, ceil_mode=True))


def _block_maker(spec: SENetSpec) -> Any:
    # The published size, 3 at 224 pixels; at least 1 on images that are smaller than 75.
    size = max(1, 3 * spec.image_size // 224)
    last = len(spec.blocks) - 1

    def block(stage: int, inputs: int, outputs: int, stride: int) -> nn.Module:
        width = spec.planes * 2**stage * spec.base_width // 64 * spec.groups
        drops = spec.drop_block > 0 and stage >= last - 1
        return blocks.Bottleneck(
            inputs,
            outputs,
            stride,
            width=width,
            entry_width=width // spec.entry,
            groups=spec.groups,
            gate=blocks.SqueezeExcite(outputs, outputs // spec.reduction, nn.ReLU(inplace=True)),
            drop=DropBlock(spec.drop_block, size) if drops else None,
            shortcut=_SHORTCUTS[spec.shortcut],
        )

    return block


def _conv3x3_shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    """Halves by a strided 3x3 convolution."""
    if stride == 1:
        return blocks.average_pool_shortcut(inputs, outputs, stride)
    return nn.Sequential(blocks.conv3x3(inputs, outputs, stride), nn.BatchNorm2d(outputs))


_SHORTCUTS = {"pool": blocks.average_pool_shortcut, "conv3x3": _conv3x3_shortcut}


def initialize(network: nn.Sequential) -> None:
    """He's draw by fan-out, the classifier near 0, all biases 0."""
    blocks.draw_convolutions(network, blocks.kaiming_fan_out)
    blocks.zero_biases(network)
    blocks.near_zero(network.get_submodule("fc"))  # type: ignore[arg-type]


def divide(spec: SENetSpec, into: int) -> SENetSpec:
    """By the table of stem widths, or by groups."""
    if spec.divided_by == "groups":
        return replace(spec, groups=divided_groups(spec.groups, into))
    width = divided_stem(spec.stem_width, into)
    return replace(spec, stem_width=width, stem_outputs=width, planes=width)


FAMILY = Family(
    name="senet",
    spec_type=SENetSpec,
    names=("se_resnet110", "se_resnet164", *_PHOTOS),
    parse=parse,
    build=build,
    widths=widths,
    divide=divide,
    regularization={"dropout": 0.5, "drop_block": 0.5},
)
