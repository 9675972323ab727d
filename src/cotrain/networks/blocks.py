"""Blocks that several families share: residual blocks, shortcuts, initialisation.

Shapes: images and maps are [B, C, H, W]. Source: arXiv:2011.14660 and the ResNet variants it
builds on (arXiv:1512.03385; average-pool shortcuts: arXiv:1812.01187, "ResNet-D").
"""

from collections.abc import Callable

from torch import Tensor, nn


def conv3x3(inputs: int, outputs: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size at stride 1, without bias."""
    return nn.Conv2d(inputs, outputs, 3, stride, padding=1, groups=groups, bias=False)


def conv1x1(inputs: int, outputs: int) -> nn.Conv2d:
    """A 1x1 convolution without bias."""
    return nn.Conv2d(inputs, outputs, 1, bias=False)


def average_pool_shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    """None where the input itself can be added; else [average pool,] 1x1 convolution, BatchNorm.

    The stride is in the pooling, so that no pixel is dropped; odd sizes are rounded up as a
    strided 3x3 convolution rounds them.
    """
    if stride == 1 and inputs == outputs:
        return None
    pool = nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)
    layers = [conv1x1(inputs, outputs), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers) if stride == 1 else nn.Sequential(pool, *layers)


class BasicBlock(nn.Module):
    """conv3x3 - BN - ReLU - conv3x3 - BN, plus shortcut, ReLU."""

    expansion = 1

    def __init__(self, inputs: int, width: int, outputs: int, stride: int, groups: int) -> None:
        super().__init__()
        self.conv1 = conv3x3(inputs, width, stride, groups)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv3x3(width, outputs, groups=groups)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = average_pool_shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)) + shortcut)


class Bottleneck(nn.Module):
    """conv1x1 - BN - ReLU - conv3x3 - BN - ReLU - conv1x1 - BN, plus shortcut, ReLU."""

    expansion = 4

    def __init__(self, inputs: int, width: int, outputs: int, stride: int, groups: int) -> None:
        super().__init__()
        self.conv1 = conv1x1(inputs, width)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv3x3(width, width, stride, groups)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = conv1x1(width, outputs)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = average_pool_shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.relu(self.bn3(self.conv3(x)) + shortcut)


def initialize(module: nn.Module, convolution: Callable[[Tensor], object]) -> None:
    """Convolutions by ``convolution``, BatchNorm to 1 and 0, the classifier N(0, 0.001), biases 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            convolution(layer.weight)
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=1e-3)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.ones_(layer.weight)
        if isinstance(layer, nn.Conv2d | nn.Linear | nn.BatchNorm2d) and layer.bias is not None:
            nn.init.zeros_(layer.bias)


def kaiming_fan_out(weight: Tensor) -> None:
    """He initialisation for ReLU that keeps the gradient's variance (arXiv:1502.01852)."""
    nn.init.kaiming_normal_(weight, mode="fan_out", nonlinearity="relu")
