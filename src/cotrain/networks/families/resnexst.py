"""ResNeXSt: the SE-ResNeXt skeleton with grouped split attention in place of the 3x3 convolution.

Source: arXiv:2011.14660; split attention: arXiv:2004.08955.
"""

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from cotrain.networks.families import blocks
from cotrain.networks.families.rules import divided_groups
from cotrain.networks.families.senet import initialize, se_stem
from cotrain.networks.family import CommonSpec, Family, Request

RADIX = 2


@dataclass(frozen=True, kw_only=True)
class ResNeXStSpec(CommonSpec):
    """A network of grouped split-attention bottlenecks.

    Args:
        blocks: Blocks of each stage.
        groups: Groups of the split attention.
        base_width: Width of one group, in 64ths of a stage's planes (64, 128, 256, 512).
        dropout: Probability before the classifier.
    """

    blocks: tuple[int, ...]
    groups: int
    base_width: int
    dropout: float = 0.0


_PHOTOS: dict[str, dict[str, Any]] = {
    "resnexst50_4x16d": {"blocks": (3, 4, 6, 3), "groups": 4, "base_width": 16},
    "resnexst50_8x16d": {"blocks": (3, 4, 6, 3), "groups": 8, "base_width": 16},
    "resnexst50_4x32d": {"blocks": (3, 4, 6, 3), "groups": 4, "base_width": 32},
    "resnexst101_8x32d": {
        "blocks": (3, 4, 23, 3),
        "groups": 8,
        "base_width": 32,
        "dropout": 0.1,
    },
}


class SplitAttention(nn.Module):
    """Two 3x3 convolutions of the same map, mixed channel by channel as the image asks for.

    Args:
        channels: C of the map that comes in and goes out.
        groups: Groups of every convolution; each splits further into the two.
    """

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.groups = groups
        hidden = max(channels * RADIX // 4, 32)
        self.conv = blocks.conv3x3(channels, channels * RADIX, groups=groups * RADIX)
        self.bn0 = nn.BatchNorm2d(channels * RADIX)
        self.fc1 = nn.Conv2d(channels, hidden, 1, groups=groups)
        self.bn1 = nn.BatchNorm2d(hidden)
        self.fc2 = nn.Conv2d(hidden, channels * RADIX, 1, groups=groups)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        splits = self.relu(self.bn0(self.conv(x))).unflatten(1, (RADIX, -1))
        means = splits.sum(1).mean((2, 3), keepdim=True)
        scores = self.fc2(self.relu(self.bn1(self.fc1(means))))
        # The scores come group by group, the splits one after the other.
        shares = scores.unflatten(1, (self.groups, RADIX, -1)).softmax(2).transpose(1, 2)
        return (splits * shares.flatten(2, 3)).sum(1)


class ResNeXStBlock(nn.Module):
    """conv1x1 - BN - ReLU - split attention [- average pool] - conv1x1 - BN, plus shortcut, ReLU.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out.
        stride: Of the average pool and the shortcut.
        width: Channels of the split attention.
        groups: Groups of the split attention.
        pooled: Whether the 3x3 average pool is there; at stride 1 it only blurs.
    """

    def __init__(
        self, inputs: int, outputs: int, stride: int, *, width: int, groups: int, pooled: bool
    ) -> None:
        super().__init__()
        self.conv1 = blocks.conv1x1(inputs, width)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = SplitAttention(width, groups)
        # The padding's zeros count here, unlike in the shortcuts.
        self.pool = nn.AvgPool2d(3, stride, padding=1) if pooled else nn.Identity()
        self.conv3 = blocks.conv1x1(width, outputs)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = blocks.average_pool_shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.bn3(self.conv3(self.pool(self.conv2(x))))
        return self.relu(x + shortcut)


def parse(request: Request) -> ResNeXStSpec | None:
    """The spec of a published name; all are for photos."""
    if request.layout != "imagenet" or request.arch not in _PHOTOS:
        return None
    return ResNeXStSpec(**request.common, **_PHOTOS[request.arch])


def widths(spec: ResNeXStSpec) -> tuple[int, ...]:
    """Channels after the stem and after each stage."""
    return 128, *(256 * 2**stage for stage in range(len(spec.blocks)))


def build(spec: ResNeXStSpec) -> nn.Module:
    """Stem, stages of bottlenecks, global average pool, dropout, linear classifier."""

    def block(stage: int, inputs: int, outputs: int, stride: int) -> nn.Module:
        width = 64 * 2**stage * spec.base_width // 64 * spec.groups
        # As published: also in the later blocks, where ResNeSt has none.
        options = {"width": width, "groups": spec.groups, "pooled": stage > 0}
        return ResNeXStBlock(inputs, outputs, stride, **options)

    channels = widths(spec)
    network = blocks.named(
        layer0=se_stem("imagenet", spec.in_channels, 64, channels[0]),
        **blocks.residual_stages(spec.blocks, channels, block),
        **blocks.head(channels[-1], spec.num_classes, spec.dropout),
    )
    initialize(network)
    return network


def divide(spec: ResNeXStSpec, into: int) -> ResNeXStSpec:
    """Fewer groups; the radix of 2 is kept."""
    return replace(spec, groups=divided_groups(spec.groups, into))


FAMILY = Family(
    name="resnexst",
    spec_type=ResNeXStSpec,
    names=tuple(_PHOTOS),
    parse=parse,
    build=build,
    widths=widths,
    divide=divide,
    regularization={"dropout": 0.5},
)
