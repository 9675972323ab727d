"""ResNeXSt and ResNeSt: timm's split attention, where the pools are, divisions, initialisation."""

from typing import Any

import pytest
import torch
from comparing import relative_error
from of_networks import widths_of
from timm import create_model
from timm.layers.split_attn import SplitAttn
from torch import nn

from cotrain import ConfigError
from cotrain.dividing import divide_spec
from cotrain.networks import build, list_networks, spec
from cotrain.networks.costs import count_params
from cotrain.networks.families.resnexst import ResNeXStBlock, SplitAttention

NAMES = [name for name in list_networks() if name.startswith("resnexst")]


def photo(name: str, **options) -> Any:
    return spec(name, dataset="imagenet", **options)


@pytest.mark.parametrize(("channels", "groups"), [(64, 4), (16, 1), (64, 1), (256, 8), (128, 2)])
def test_split_attention_is_timms(channels, groups):
    torch.manual_seed(0)
    hidden = max(channels // 2, 32)
    theirs = SplitAttn(channels, groups=groups, rd_channels=hidden // 2, norm_layer=nn.BatchNorm2d)
    assert relative_error(SplitAttention(channels, groups), theirs, (2, channels, 7, 5)) < 1e-12


class TimmBlock(nn.Module):
    """The published block, of timm's split attention and torch's layers."""

    def __init__(self, inputs, outputs, stride, width, groups) -> None:
        super().__init__()
        attention = SplitAttn(
            width, groups=groups, rd_channels=max(width // 2, 32) // 2, norm_layer=nn.BatchNorm2d
        )
        self.branch = nn.Sequential(
            nn.Conv2d(inputs, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            attention,
            nn.AvgPool2d(3, stride, padding=1, count_include_pad=True),
            nn.Conv2d(width, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        pool = nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False)
        self.shortcut = nn.Sequential(
            pool if stride == 2 else nn.Identity(),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x):
        return (self.branch(x) + self.shortcut(x)).relu()


@pytest.mark.parametrize("stride", [1, 2])
def test_block_is_the_published_one(stride):
    torch.manual_seed(0)
    ours = ResNeXStBlock(24, 32, stride, width=64, groups=4, pooled=True)
    assert relative_error(ours, TimmBlock(24, 32, stride, 64, 4), (2, 24, 9, 7)) < 1e-12


@pytest.mark.parametrize("name", NAMES)
def test_every_block_but_those_of_the_first_stage_has_a_pool(name):
    with torch.device("meta"):
        network = build(photo(name))
    blocks = {n: m for n, m in network.named_modules() if isinstance(m, ResNeXStBlock)}
    for place, block in blocks.items():
        stage, index = place.removeprefix("layer").split(".")
        stride = 2 if index == "0" else 1
        assert getattr(block.pool, "stride", None) == (None if stage == "1" else stride)


@pytest.mark.parametrize(
    ("name", "most"),
    [("resnexst50_4x16d", 4), ("resnexst50_4x32d", 4), ("resnexst101_8x32d", 8)],
)
def test_groups_are_divided_and_the_rest_is_kept(name, most):
    large: Any = photo(name)
    for into in (2, 4):
        divided: Any = divide_spec(large, into)
        assert divided.groups == large.groups / into
        assert divided.dropout == pytest.approx(large.dropout / into**0.5)
        assert widths_of(divided) == (128, 256, 512, 1024, 2048)
    with pytest.raises(ConfigError, match=rf"into=16: .* into={most}$"):
        divide_spec(large, 16)


def test_starts_with_biases_at_0_and_the_classifier_near_0():
    torch.manual_seed(0)
    network: Any = build(photo("resnexst50_4x16d"))
    assert not any(p.any() for n, p in network.named_parameters() if n.endswith("bias"))
    assert all(p.any() for n, p in network.named_parameters() if n.endswith("weight"))
    assert network.fc.weight.std().item() == pytest.approx(1e-3, rel=0.01)


@pytest.mark.parametrize(("ours", "timms"), [("resnest101", "resnest101e")])
def test_resnest_is_timms(ours, timms):
    torch.manual_seed(0)
    theirs = create_model(timms, num_classes=10)
    network = build(photo(ours, num_classes=10))
    assert count_params(network) == count_params(theirs)
    assert relative_error(network, theirs, (1, 3, 37, 50)) < 1e-12


def test_resnest_starts_as_published():
    torch.manual_seed(0)
    network: Any = build(photo("resnest101"))
    assert all(p.any() for n, p in network.named_parameters() if n.endswith("weight"))
    weight = network.get_parameter("layer4.2.conv2.conv.weight")
    assert weight.std().item() == pytest.approx((2 / (9 * 1024)) ** 0.5, rel=0.01)
    bound = 2048**-0.5
    assert network.fc.weight.abs().max().item() == pytest.approx(bound, rel=0.01)


@pytest.mark.parametrize("name", ["resnest101", "resnest200", "resnest269"])
def test_resnest_is_not_divided(name):
    assert divide_spec(photo(name), 1) == photo(name)
    with pytest.raises(ConfigError, match=rf"into=2: {name} .* into=1$"):
        divide_spec(photo(name), 2)


@pytest.mark.parametrize("name", [*NAMES, "resnest101"])
def test_names_are_for_photos(name):
    with pytest.raises(ConfigError, match=f'{name}.*dataset="imagenet"'):
        spec(name)
