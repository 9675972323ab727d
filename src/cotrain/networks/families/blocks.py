"""Blocks that several families share: residual blocks, shortcuts, stems, initialisation.

Shapes: images and maps are [B, C, H, W]. Source: arXiv:2011.14660 and the ResNet variants it
builds on (arXiv:1512.03385; average-pool shortcuts and stems of three convolutions:
arXiv:1812.01187, "ResNet-D").
"""

from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor, nn


def named(**modules: nn.Module | None) -> nn.Sequential:
    """The modules one after another, under their names; None is left out."""
    return nn.Sequential(OrderedDict((name, m) for name, m in modules.items() if m is not None))


def conv3x3(inputs: int, outputs: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size at stride 1, without bias."""
    return nn.Conv2d(inputs, outputs, 3, stride, padding=1, groups=groups, bias=False)


def conv1x1(inputs: int, outputs: int) -> nn.Conv2d:
    """A 1x1 convolution without bias."""
    return nn.Conv2d(inputs, outputs, 1, bias=False)


def half_pool() -> nn.AvgPool2d:
    """2x2 average pooling; odd sizes are rounded up as a strided 3x3 convolution rounds them."""
    return nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False)


def average_pool_shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    """None where the input itself can be added; else [average pool,] 1x1 convolution, BatchNorm.

    The stride, 1 or 2, is in the pooling, so that no pixel is dropped.
    """
    if stride == 1 and inputs == outputs:
        return None
    layers = [conv1x1(inputs, outputs), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers) if stride == 1 else nn.Sequential(half_pool(), *layers)


class SqueezeExcite(nn.Sequential):
    """Multiplies each channel by a number from (0, 1) computed from all channels' means.

    Source: arXiv:1709.01507.

    Args:
        channels: C of the map.
        hidden: Width between the two 1x1 convolutions.
        activation: The activation between them.
    """

    def __init__(self, channels: int, hidden: int, activation: nn.Module) -> None:
        super().__init__(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, hidden, 1),
            activation,
            nn.Conv2d(hidden, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return x * super().forward(x)


class BasicBlock(nn.Module):
    """conv3x3 - BN - ReLU - conv3x3 - BN, plus shortcut, ReLU."""

    expansion = 1

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = conv3x3(inputs, outputs, stride)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = conv3x3(outputs, outputs)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = average_pool_shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)) + shortcut)

    def start_as_identity(self) -> None:
        """The last BatchNorm at 0: at first only the shortcut counts."""
        nn.init.zeros_(self.bn2.weight)


class Bottleneck(nn.Module):
    """conv1x1 - BN - ReLU - conv3x3 - BN - ReLU - conv1x1 - BN [- gate], plus shortcut, ReLU.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out.
        stride: Of the 3x3 convolution and the shortcut.
        width: Channels of the 3x3 convolution.
        entry_width: Channels of the first 1x1 convolution; ``width`` if None.
        groups: Groups of the 3x3 convolution.
        gate: What the branch goes through last, such as ``SqueezeExcite``.
        drop: What follows each of the three BatchNorms in training, such as DropBlock.
        shortcut: Makes the shortcut from inputs, outputs and stride.
    """

    expansion = 4

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        *,
        width: int,
        entry_width: int | None = None,
        groups: int = 1,
        gate: nn.Module | None = None,
        drop: nn.Module | None = None,
        shortcut: Callable[[int, int, int], nn.Module | None] = average_pool_shortcut,
    ) -> None:
        super().__init__()
        entry_width = entry_width or width
        self.conv1 = conv1x1(inputs, entry_width)
        self.bn1 = nn.BatchNorm2d(entry_width)
        self.conv2 = conv3x3(entry_width, width, stride, groups)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = conv1x1(width, outputs)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.gate = gate or nn.Identity()
        self.drop = drop or nn.Identity()
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.drop(self.bn1(self.conv1(x))))
        x = self.relu(self.drop(self.bn2(self.conv2(x))))
        return self.relu(self.gate(self.drop(self.bn3(self.conv3(x)))) + shortcut)

    def start_as_identity(self) -> None:
        """The last BatchNorm at 0: at first only the shortcut counts."""
        nn.init.zeros_(self.bn3.weight)


def stem(inputs: int, *widths: int, pool: nn.Module | None = None) -> nn.Sequential:
    """3x3 convolutions to ``widths``, each with BatchNorm and ReLU; the first of three halves.

    One convolution is the stem for small images, three and a pooling that for photos.
    """
    layers: list[nn.Module] = []
    for index, width in enumerate(widths):
        stride = 2 if index == 0 and len(widths) > 1 else 1
        layers += [conv3x3(inputs, width, stride), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        inputs = width
    return nn.Sequential(*layers) if pool is None else nn.Sequential(*layers, pool)


def residual_stages(
    blocks: tuple[int, ...],
    widths: tuple[int, ...],
    make: Callable[[int, int, int, int], nn.Module],
) -> dict[str, nn.Module]:
    """``layer1``, ``layer2``, ... of residual blocks; from the second on, the first block halves.

    Args:
        blocks: Number of blocks of each stage.
        widths: Channels after the stem and after each stage.
        make: Makes a block from its stage (from 0), inputs, outputs and stride.
    """
    stages = {}
    for stage, count in enumerate(blocks):
        inputs, outputs = widths[stage : stage + 2]
        first = make(stage, inputs, outputs, 2 if stage else 1)
        rest = (make(stage, outputs, outputs, 1) for _ in range(count - 1))
        stages[f"layer{stage + 1}"] = nn.Sequential(first, *rest)
    return stages


def head(channels: int, num_classes: int, dropout: float) -> dict[str, nn.Module]:
    """Global average pool, dropout, linear classifier ``fc``."""
    return {
        "pool": nn.AdaptiveAvgPool2d(1),
        "flatten": nn.Flatten(),
        "dropout": nn.Dropout(dropout),
        "fc": nn.Linear(channels, num_classes),
    }


def draw_convolutions(network: nn.Module, draw: Callable[[Tensor], object]) -> None:
    """Initialise the weights of all convolutions by ``draw``."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            draw(layer.weight)


def zero_biases(network: nn.Module) -> None:
    """The biases of all convolutions and linear layers at 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
            nn.init.zeros_(layer.bias)


def kaiming_fan_out(weight: Tensor) -> None:
    """N(0, 2 / (outputs * k * k)): keeps the gradient's variance (arXiv:1502.01852)."""
    nn.init.kaiming_normal_(weight, mode="fan_out", nonlinearity="relu")


def near_zero(classifier: nn.Linear) -> None:
    """N(0, 0.001), bias 0: the first answers are all but uniform."""
    nn.init.normal_(classifier.weight, std=1e-3)
    nn.init.zeros_(classifier.bias)
