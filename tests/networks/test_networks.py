"""Names become specs, specs become networks; every parameter is counted by hand."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from of_networks import widths_of
from torch import nn

from cotrain import ConfigError
from cotrain.networks import (
    build,
    list_networks,
    spec,
    spec_for_images,
)
from cotrain.networks.costs import count_params

PUBLISHED = ("wide_resnet10_1", "resnet11", "resnext11_2x4d")
SMALL = (*PUBLISHED, "basic_resnet8_4")
CIFAR_NAMES = {
    "basic_resnet",
    "resnet110",
    "resnet164",
    "resnext29_8x64d",
    "resnext29_16x64d",
    "wide_resnet16_8",
    "wide_resnet16_12",
    "wide_resnet28_10",
    "wide_resnet40_10",
    "wide_resnet52_8",
}


def on_meta(network_spec) -> nn.Module:
    """The network without memory or arithmetic."""
    with torch.device("meta"):
        return build(network_spec)


def convolution(inputs: int, outputs: int, size: int, groups: int = 1) -> int:
    """Parameters of a convolution without bias and the BatchNorm after it."""
    return inputs // groups * outputs * size**2 + 2 * outputs


def basic_params(blocks, stem, planes, channels, classes) -> int:
    """Parameters of three stages of two 3x3 convolutions a block, from the layers."""
    total, inputs = convolution(channels, stem, 3), stem
    for stage in range(3):
        width = planes * 2**stage
        for index in range(blocks):
            total += convolution(inputs, width, 3) + convolution(width, width, 3)
            if (stage and not index) or inputs != width:
                total += convolution(inputs, width, 1)
            inputs = width
    return total + (inputs + 1) * classes


def bottleneck_params(blocks, stem, width, channels, classes, groups=1) -> int:
    """Parameters of three stages of 1x1, 3x3, 1x1 convolutions; ``width`` is the first 3x3's."""
    total, inputs = convolution(channels, stem, 3), stem
    for stage in range(3):
        inner, outputs = width * 2**stage, 4 * stem * 2**stage
        for index in range(blocks):
            total += convolution(inputs, inner, 1) + convolution(inner, inner, 3, groups)
            total += convolution(inner, outputs, 1)
            total += 0 if index else convolution(inputs, outputs, 1)
            inputs = outputs
    return total + (inputs + 1) * classes


def test_names_are_listed_sorted_and_once():
    names = list_networks()
    assert names == sorted(set(names))
    assert set(names) >= CIFAR_NAMES


@pytest.mark.parametrize("name", list_networks())
def test_every_listed_name_becomes_a_network(name):
    found = spec_for_images(name, num_classes=7, in_channels=1, image_size=32)
    expected = (name, 7, 1, 32)
    assert (found.arch, found.num_classes, found.in_channels, found.image_size) == expected
    images = torch.zeros(2, 1, 32, 32, device="meta")
    assert on_meta(found).eval()(images).shape == (2, 7)
    assert len(widths_of(found)) >= 4  # stem and stages


@pytest.mark.parametrize(("dataset", "classes"), [("cifar10", 10), ("cifar100", 100), ("svhn", 10)])
def test_defaults_are_the_data_sets(dataset, classes):
    found = spec("wide_resnet28_10", dataset=dataset)
    assert (found.num_classes, found.in_channels, found.image_size) == (classes, 3, 32)
    assert spec("wide_resnet28_10").num_classes == 100


@given(n=st.integers(1, 4), factor=st.integers(1, 12), channels=st.sampled_from([1, 3]))
def test_wide_resnet_of_any_depth_and_width(n, factor, channels):
    found = spec(f"wide_resnet{6 * n + 4}_{factor}", num_classes=5, in_channels=channels)
    expected = basic_params(n, 16, 16 * factor, channels, 5)
    assert count_params(on_meta(found)) == expected
    assert widths_of(found) == (16, 16 * factor, 32 * factor, 64 * factor)


@given(n=st.integers(1, 4), classes=st.integers(2, 50))
def test_resnet_of_any_depth(n, classes):
    found = spec(f"resnet{9 * n + 2}", num_classes=classes)
    assert count_params(on_meta(found)) == bottleneck_params(n, 16, 16, 3, classes)
    assert widths_of(found) == (16, 64, 128, 256)


@given(groups=st.integers(1, 16), width=st.integers(1, 64))
def test_resnext_of_any_groups(groups, width):
    found = spec(f"resnext29_{groups}x{width}d", num_classes=3)
    expected = bottleneck_params(3, 64, groups * width, 3, 3, groups)
    assert count_params(on_meta(found)) == expected


@given(n=st.integers(1, 3), width=st.integers(1, 40), channels=st.sampled_from([1, 3]))
def test_basic_resnet_of_any_depth_and_width(n, width, channels):
    found = spec(f"basic_resnet{6 * n + 2}_{width}", num_classes=10, in_channels=channels)
    assert count_params(on_meta(found)) == basic_params(n, width, width, channels, 10)


def test_basic_resnet_alone_is_the_demos():
    found = spec("basic_resnet", num_classes=10, in_channels=1, image_size=8)
    assert count_params(on_meta(found)) == basic_params(1, 32, 32, 1, 10) == 308_074


@given(
    name=st.sampled_from(SMALL),
    size=st.integers(8, 40),
    channels=st.sampled_from([1, 3]),
    classes=st.integers(2, 12),
)
def test_any_image_size_from_8_pixels(name, size, channels, classes):
    found = spec(name, num_classes=classes, in_channels=channels, image_size=size)
    network = build(found).train()
    logits = network(torch.randn(2, channels, size, size))
    assert logits.shape == (2, classes)
    assert logits.isfinite().all()


def test_a_rectangle_is_taken_too():
    network = build(spec("basic_resnet8_4", num_classes=4)).eval()
    assert network(torch.randn(1, 3, 9, 32)).shape == (1, 4)


@pytest.mark.parametrize("name", PUBLISHED)
def test_blocks_start_as_the_identity_and_biases_at_zero(name):
    """The last BatchNorm of every block starts at 0, so only the shortcuts are active."""
    network = build(spec(name))
    zero = [n for n, p in network.named_parameters() if n.endswith("weight") and not p.any()]
    assert len(zero) == 3  # one block a stage
    assert all(not p.any() for n, p in network.named_parameters() if n.endswith("bias"))


def test_wide_weights_are_drawn_as_published():
    """He initialisation by fan-out for convolutions, N(0, 0.001) for the classifier."""
    torch.manual_seed(0)
    network = build(spec("wide_resnet10_8"))
    weight = network.get_parameter("layer3.0.conv2.weight")
    assert weight.std().item() == pytest.approx((2 / (9 * 512)) ** 0.5, rel=0.01)
    assert network.get_parameter("fc.weight").std().item() == pytest.approx(1e-3, rel=0.02)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("wide_resnet29_10", "wide_resnet28_10"),
        ("wide_resnet31_10", "wide_resnet28_10"),
        ("wide_resnet32_10", "wide_resnet34_10"),
        ("wide_resnet4_1", "wide_resnet10_1"),
        ("wide_resnet0_1", "wide_resnet10_1"),
        ("resnet108", "resnet110"),
        ("resnet2", "resnet11"),
        ("resnext30_8x64d", "resnext29_8x64d"),
        ("basic_resnet9_32", "basic_resnet8_32"),
    ],
)
def test_impossible_depth_names_the_nearest(name, nearest):
    depth = "".join(c for c in nearest.partition("resne")[2].partition("_")[0] if c.isdigit())
    with pytest.raises(ConfigError, match=f"the nearest is {depth}$") as caught:
        spec(name)
    assert f"network='{name}'" in str(caught.value)
    assert spec(nearest).arch == nearest


@pytest.mark.parametrize(
    "name", ["wide_resnet28_0", "resnext29_0x64d", "resnext29_8x0d", "basic_resnet8_0"]
)
def test_width_below_1_is_refused(name):
    with pytest.raises(ConfigError, match=f"network='{name}'.*at least 1"):
        spec(name)
