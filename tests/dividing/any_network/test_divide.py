"""Networks without a published rule: what is tried in turn, and what is refused."""

from typing import Any

import pytest
from torch import nn

from cotrain import ConfigError, register_builder
from cotrain.dividing import DivideOptions, divide_spec
from cotrain.networks import spec


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
