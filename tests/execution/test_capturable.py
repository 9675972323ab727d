"""Networks that a CUDA graph cannot hold are known before they are captured."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from cotrain import ConfigError, divide, networks
from cotrain.execution.capturable import check_capturable


class Does(nn.Module):
    def __init__(self, what: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.what = what

    def forward(self, images: Tensor) -> Tensor:
        return self.what(images)


VIEWS = [torch.ones(2, 3, 8, 8)] * 2


@pytest.mark.parametrize(
    ("what", "operation"),
    [
        (lambda x: x if x.sum() > 0 else -x, "_local_scalar_dense"),
        (lambda x: x * x.max().item(), "_local_scalar_dense"),
        (lambda x: x[x > 0], "index"),
        (torch.nonzero, "nonzero"),
        (lambda x: x.unique(), "_unique2"),
        (lambda x: x.to("meta"), "_to_copy.default between cpu and meta"),
    ],
)
def test_what_waits_is_named(what: Callable[[Tensor], Tensor], operation: str) -> None:
    with pytest.raises(ConfigError, match=rf"network 1 waits for the GPU \(aten.{operation}"):
        check_capturable([nn.Identity(), Does(what)], VIEWS)


@pytest.mark.parametrize(
    "what",
    [lambda x: x[torch.tensor([1, 0])], lambda x: x.to(torch.float64), lambda x: x.clone()],
)
def test_what_a_graph_can_hold_is_let_through(what: Callable[[Tensor], Tensor]) -> None:
    check_capturable([Does(what)], VIEWS[:1])


@pytest.mark.parametrize("name", ["basic_resnet8_8", "wide_resnet16_2"])
def test_networks_can_be_captured(name: str) -> None:
    spec = networks.spec(name, num_classes=5, in_channels=3, image_size=8)
    with torch.no_grad():
        check_capturable(list(divide(spec, 2, seed=0).eval().networks), VIEWS)
