"""DenseNet-BC: torchvision's blocks, the names that weight decay goes by, divisions, draw."""

from typing import Any

import pytest
import torch
from comparing import relative_error
from hypothesis import given
from hypothesis import strategies as st
from of_networks import widths_of
from torch import nn
from torchvision.models.densenet import _DenseBlock, _Transition

from cotrain import ConfigError
from cotrain.dividing import divide_spec
from cotrain.networks import build, spec


def torchvisions(layers: int, growth: int, classes: int) -> nn.Module:
    """Three of torchvision's dense blocks behind a stem for small images."""
    stages, channels = [], 2 * growth
    for block in range(3):
        if block:
            stages.append(_Transition(channels, channels // 2))
            channels //= 2
        stages.append(_DenseBlock(layers, channels, 4, growth, 0.0))
        channels += layers * growth
    stem = [nn.Conv2d(3, 2 * growth, 3, padding=1, bias=False), nn.BatchNorm2d(2 * growth)]
    last = [nn.BatchNorm2d(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*stem, nn.ReLU(), *stages, *last, nn.Linear(channels, classes))


@pytest.mark.parametrize(("layers", "growth"), [(1, 4), (3, 5)])
@pytest.mark.parametrize("size", [8, 13])
def test_is_torchvisions_densenet_behind_a_stem_for_small_images(layers, growth, size):
    torch.manual_seed(0)
    ours = build(spec(f"densenet{6 * layers + 4}_{growth}", num_classes=5))
    assert relative_error(ours, torchvisions(layers, growth, 5), (2, 3, size, size)) < 1e-12


def test_every_batchnorm_has_norm_in_its_name():
    """So that the paper's grouping does not decay it."""
    network = build(spec("densenet10_4"))
    norms = [n for n, m in network.named_modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == 1 + 3 * 2 + 2 + 1
    assert all("norm" in name for name in norms)


@pytest.mark.parametrize(("into", "growth"), [(1, 40), (2, 28), (4, 20), (8, 14)])
def test_growth_and_stem_are_divided(into, growth):
    divided: Any = divide_spec(spec("densenet190"), into)
    assert divided.growth == growth
    widths = [2 * growth]
    for inputs in (2, 33 / 2, 95 / 4):
        widths.append(int(inputs * growth) + 31 * growth)
    assert widths_of(divided) == tuple(widths)


@given(growth=st.integers(1, 100), into=st.integers(2, 50))
def test_growth_is_rounded_down_and_never_0(growth, into):
    large = spec(f"densenet10_{growth}")
    if growth**2 < into:
        with pytest.raises(ConfigError, match=f"its growth {growth} would fall below 1"):
            divide_spec(large, into)
    else:
        divided: Any = divide_spec(large, into)
        assert divided.growth == int((growth**2 / into) ** 0.5 + 1e-9)


def test_starts_as_published():
    torch.manual_seed(0)
    network: Any = build(spec("densenet10_60", num_classes=64))
    weight = network.get_parameter("block2.0.conv2.weight")
    assert weight.std().item() == pytest.approx((2 / (9 * 240)) ** 0.5, rel=0.01)
    assert not network.fc.bias.any()
    bound = network.fc.in_features**-0.5
    assert network.fc.weight.abs().max().item() == pytest.approx(bound, rel=0.01)


def test_impossible_names_are_refused():
    with pytest.raises(ConfigError, match="depth 191 is not 6n"):
        spec("densenet191_40")
    with pytest.raises(ConfigError, match="growth 0 is below 1"):
        spec("densenet190_0")
    with pytest.raises(ConfigError, match="is not known"):
        spec("densenet100")
    with pytest.raises(ConfigError, match='dataset="cifar10"'):
        spec("densenet190", dataset="imagenet")
    with pytest.raises(ConfigError, match=r"dropout=0.1 is no option of densenet190: .*no options"):
        spec("densenet190", dropout=0.1)
