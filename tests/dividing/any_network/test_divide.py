"""Networks without a published rule: what is tried in turn, and what is refused."""

from typing import Any

import pytest
from torch import Tensor, nn

from cotrain import ConfigError, register_builder
from cotrain.dividing import DivideOptions, divide_spec
from cotrain.networks import build, spec


class Plain(nn.Sequential):
    """A network whose width its constructor takes."""

    def __init__(self, width: int = 64, num_classes: int = 10) -> None:
        super().__init__(
            nn.Conv2d(3, width, 3),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(width, num_classes),
        )


@pytest.mark.parametrize("method", ["constructor", "structural"])
def test_a_divided_network_is_not_divided_again(method):
    register_builder("plain", Plain)
    large = spec("python:plain", num_classes=10, image_size=8)
    half: Any = divide_spec(large, 2, DivideOptions(method=method))
    assert half.mechanism == method
    with pytest.raises(ConfigError, match=r"^into=2: this python:plain is divided already"):
        divide_spec(half, 2)


class HeadFirst(nn.Module):
    """Its head is registered before the layers that it stands behind."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(64, 10)
        self.first = nn.Conv2d(3, 32, 3)
        self.last = nn.Conv2d(32, 64, 3)
        self.norm = nn.BatchNorm2d(64)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.norm(self.last(self.first(images))).mean((2, 3)))


@pytest.mark.parametrize("into", [2, 4])
def test_a_head_may_be_registered_first(into):
    register_builder("head-first", HeadFirst)
    small: Any = build(divide_spec(spec("python:head-first", num_classes=10, image_size=8), into))
    assert small.head.out_features == 10
    assert small.head.in_features == small.last.out_channels < 64
    params, whole = (sum(each.numel() for each in net.parameters()) for net in (small, HeadFirst()))
    assert into * params == pytest.approx(whole, rel=0.05)
