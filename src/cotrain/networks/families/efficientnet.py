"""EfficientNet-B0 to B7 (arXiv:1905.11946), in the two implementations that the paper uses."""

import math
from dataclasses import dataclass, replace
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from cotrain.basics.errors import ConfigError, IndivisibleError
from cotrain.config.datasets import Layout
from cotrain.networks.families import blocks
from cotrain.networks.families.stochastic import DropPath
from cotrain.networks.family import CommonSpec, Family, Request

Variant = Literal["lightnet", "lukemelas"]

# By stage: blocks, kernel, stride for photos and for small images, expansion.
_REPEATS = (1, 2, 2, 3, 3, 4, 1)
_KERNELS = (3, 3, 5, 3, 5, 5, 3)
_STRIDES = {"imagenet": (1, 2, 2, 2, 1, 2, 1), "cifar": (1, 2, 1, 2, 1, 1, 1)}
_EXPANSIONS = (1, 6, 6, 6, 6, 6, 6)
# By S: stem, seven stages, head; all are multiples of the divisor.
_WIDTHS = {
    1: ((32, 16, 24, 40, 80, 112, 192, 320, 1280), 8),
    2: ((24, 12, 16, 24, 56, 80, 136, 224, 920), 4),
    4: ((16, 12, 16, 20, 40, 56, 96, 160, 640), 4),
}
# By name: multipliers of width and depth, dropout.
_NAMES = {
    "efficientnetb0": (1.0, 1.0, 0.2),
    "efficientnetb1": (1.0, 1.1, 0.2),
    "efficientnetb2": (1.1, 1.2, 0.3),
    "efficientnetb3": (1.2, 1.4, 0.3),
    "efficientnetb4": (1.4, 1.8, 0.4),
    "efficientnetb5": (1.6, 2.2, 0.4),
    "efficientnetb6": (1.8, 2.6, 0.5),
    "efficientnetb7": (2.0, 3.1, 0.5),
}


@dataclass(frozen=True, kw_only=True)
class EfficientNetSpec(CommonSpec):
    """An EfficientNet.

    Args:
        layout: Whose strides it has.
        variant: ``lightnet`` pads on both sides alike and drops channels of residual branches;
            ``lukemelas`` pads as TensorFlow does, more on the right and below.
        multiplier: Of the widths, by which the tables of the divided networks are scaled.
        repeats: Blocks of each stage.
        widths: Channels after the stem, after each stage and after the head.
        dropout: Probability before the classifier.
        channel_dropout: Probability of a channel of the last stage's residual branches; it rises
            linearly with the stage.
        drop_connect: Probability that an image loses a residual branch; it rises linearly with
            the block.
    """

    layout: Layout
    variant: Variant
    multiplier: float
    repeats: tuple[int, ...]
    widths: tuple[int, ...]
    dropout: float
    channel_dropout: float = 0.0
    drop_connect: float = 0.0


class SameConv2d(nn.Conv2d):
    """A convolution padded as in TensorFlow: ceil(size / stride) pixels come out.

    Of an odd number of padded pixels the right and the lower side get the larger half.
    """

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        (above, below), (left, right) = map(self._padding, x.shape[-2:], self.kernel_size)
        return super().forward(F.pad(x, (left, right, above, below)))

    def _padding(self, size: int, kernel: int) -> tuple[int, int]:
        stride = self.stride[0]
        total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
        return total // 2, total - total // 2


def _convolution(
    variant: Variant,
    inputs: int,
    outputs: int,
    *,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    swish: bool = True,
) -> nn.Sequential:
    """Convolution, BatchNorm, swish. Whether weight decay reaches a BatchNorm goes by its name."""
    same = variant == "lukemelas" and stride > 1  # at stride 1 both paddings are alike
    convolution = SameConv2d if same else nn.Conv2d
    padding = 0 if same else (kernel - 1) // 2
    norm = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01)
    return blocks.named(
        conv=convolution(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
        norm=norm if variant == "lightnet" else None,
        bn=norm if variant == "lukemelas" else None,
        swish=nn.SiLU(inplace=True) if swish else None,
    )


class MBConv(nn.Module):
    """Expand, depthwise convolution, squeeze and excite, project; plus the input where it fits."""

    def __init__(
        self, spec: EfficientNetSpec, stage: int, inputs: int, stride: int, drop_connect: float
    ) -> None:
        super().__init__()
        outputs, hidden = spec.widths[stage + 1], inputs * _EXPANSIONS[stage]
        expand = _convolution(spec.variant, inputs, hidden) if hidden != inputs else None
        kernel = _KERNELS[stage]
        self.branch = blocks.named(
            expand=expand,
            depthwise=_convolution(
                spec.variant, hidden, hidden, kernel=kernel, stride=stride, groups=hidden
            ),
            gate=blocks.SqueezeExcite(hidden, max(1, inputs // 4), nn.SiLU(inplace=True)),
            project=_convolution(spec.variant, hidden, outputs, swish=False),
        )
        self.residual = stride == 1 and inputs == outputs
        channel_dropout = spec.channel_dropout * (stage + 1) / len(spec.repeats)
        self.drop = nn.Sequential(nn.Dropout2d(channel_dropout), DropPath(drop_connect))

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(self.branch(x)) + x if self.residual else self.branch(x)


def scaled_widths(into: int, multiplier: float) -> tuple[int, ...]:
    """The table's widths times the multiplier, rounded to the divisor, at most 10 % down."""
    table, divisor = _WIDTHS[into]
    widths = []
    for channels in table:
        exact = channels * multiplier
        width = max(divisor, int(exact + divisor / 2) // divisor * divisor)
        widths.append(width + divisor if width < 0.9 * exact else width)
    return tuple(widths)


def parse(request: Request) -> EfficientNetSpec | None:
    """The spec of ``efficientnetb0`` to ``efficientnetb7``."""
    if request.arch not in _NAMES:
        return None
    small = request.layout == "cifar"
    variant = request.variant or ("lightnet" if small else "lukemelas")
    if small and variant == "lukemelas":
        raise ConfigError(
            f"variant={variant!r} of {request.arch} is for photos: "
            "use variant='lightnet' for small images"
        )
    multiplier, depth, dropout = _NAMES[request.arch]
    return EfficientNetSpec(
        **request.common,
        layout=request.layout,
        variant=variant,  # type: ignore[arg-type]
        multiplier=multiplier,
        repeats=tuple(math.ceil(depth * repeats) for repeats in _REPEATS),
        widths=scaled_widths(1, multiplier),
        dropout=dropout,
        channel_dropout=dropout if variant == "lightnet" else 0.0,
    )


def build(spec: EfficientNetSpec) -> nn.Module:
    """Stem, seven stages, head, global average pool, dropout, linear classifier."""
    stem, last, top = spec.widths[0], spec.widths[-2], spec.widths[-1]
    stride = 2 if spec.layout == "imagenet" else 1
    network = blocks.named(
        stem=_convolution(spec.variant, spec.in_channels, stem, kernel=3, stride=stride),
        **_stages(spec),
        top=_convolution(spec.variant, last, top),
        **blocks.head(top, spec.num_classes, spec.dropout),
    )
    if spec.variant == "lightnet":  # the other has torch's own draw
        blocks.draw_convolutions(network, blocks.kaiming_fan_out)
        blocks.zero_biases(network)
        bound = 1 / math.sqrt(spec.num_classes)
        nn.init.uniform_(network.get_parameter("fc.weight"), -bound, bound)
    return network


def _stages(spec: EfficientNetSpec) -> dict[str, nn.Module]:
    stages: dict[str, nn.Module] = {}
    done = 0
    for stage, repeats in enumerate(spec.repeats):
        inputs, outputs = spec.widths[stage : stage + 2]
        layers = []
        for index in range(repeats):
            stride = _STRIDES[spec.layout][stage] if index == 0 else 1
            drop_connect = spec.drop_connect * done / sum(spec.repeats)
            layers.append(MBConv(spec, stage, outputs if index else inputs, stride, drop_connect))
            done += 1
        stages[f"layer{stage + 1}"] = nn.Sequential(*layers)
    return stages


def widths(spec: EfficientNetSpec) -> tuple[int, ...]:
    """Channels after the stem and after each stage."""
    return spec.widths[:-1]


def divide(spec: EfficientNetSpec, into: int) -> EfficientNetSpec:
    """The hand-made table of widths, scaled by the same multiplier; the depth is kept."""
    if into not in _WIDTHS or spec.widths != scaled_widths(1, spec.multiplier):
        raise IndivisibleError("the table of widths is for S=2 and S=4 of a whole network")
    return replace(spec, widths=scaled_widths(into, spec.multiplier))


FAMILY = Family(
    name="efficientnet",
    spec_type=EfficientNetSpec,
    names=tuple(_NAMES),
    parse=parse,
    build=build,
    widths=widths,
    divide=divide,
    regularization={"dropout": 0.5, "channel_dropout": 0.5, "drop_connect": 0.5},
    variants=("lightnet", "lukemelas"),
)
