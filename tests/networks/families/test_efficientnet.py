"""EfficientNet: timm's functions, strides, dropped channels, names, divisions, initialisation."""

from typing import Any

import pytest
import torch
from comparing import relative_error
from of_networks import widths_of
from timm import create_model
from torch import nn
from torch.nn import functional as F

from cotrain import ConfigError
from cotrain.dividing import divide_spec
from cotrain.networks import build, list_networks, spec, spec_for_images
from cotrain.networks.families.efficientnet import MBConv, SameConv2d, scaled_widths
from cotrain.networks.families.stochastic import DropPath

NAMES = [name for name in list_networks() if name.startswith("efficientnet")]
DROPOUT = dict(zip(NAMES, (0.2, 0.2, 0.3, 0.3, 0.4, 0.4, 0.5, 0.5), strict=True))


def photo(name: str, variant=None, **options) -> Any:
    return spec(name, dataset="imagenet", variant=variant, **options)


def timms(name: str, variant: str, **options) -> nn.Module:
    number = name.removeprefix("efficientnetb")
    if variant == "lukemelas":
        return create_model(f"tf_efficientnet_b{number}", **options)
    return create_model(f"efficientnet_b{number}", bn_eps=1e-3, **options)


@pytest.mark.parametrize("size", [(32, 47), (33, 64), (30, 30)])
@pytest.mark.parametrize("variant", ["lightnet", "lukemelas"])
def test_is_timms_function(variant, size):
    torch.manual_seed(0)
    ours = build(photo("efficientnetb0", variant, num_classes=10))
    theirs = timms("efficientnetb0", variant, num_classes=10)
    assert relative_error(ours, theirs, (2, 3, *size)) < 1e-12


@pytest.mark.parametrize("variant", ["lightnet", "lukemelas"])
@pytest.mark.parametrize("name", NAMES)
def test_has_timms_layers(name, variant):
    """The same shapes, kernels, strides and groups, convolution by convolution."""
    with torch.device("meta"):
        networks = build(photo(name, variant)), timms(name, variant)
    ours, theirs = ([v.shape for v in network.state_dict().values()] for network in networks)
    assert ours == theirs
    ours, theirs = (
        [(m.kernel_size, m.stride, m.groups) for m in network.modules() if isinstance(m, nn.Conv2d)]
        for network in networks
    )
    assert ours == theirs


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("size", [(7, 8), (9, 12), (1, 2)])
def test_same_padding_gives_the_ceiling_and_more_zeros_below_and_right(kernel, size):
    torch.manual_seed(0)
    convolution = SameConv2d(2, 3, kernel, 2)
    x = torch.randn(1, 2, *size)
    y = convolution(x)
    assert y.shape[-2:] == tuple(-(-each // 2) for each in size)
    # Padded by hand: even sizes miss k - 2 pixels, odd sizes k - 1.
    missing = [max(kernel - 2 + each % 2, 0) for each in size]
    pads = [(m // 2, m - m // 2) for m in missing]
    padded = F.pad(x, (*pads[1], *pads[0]))
    assert torch.allclose(y, F.conv2d(padded, convolution.weight, convolution.bias, 2))


def test_small_images_are_halved_twice_only():
    with torch.device("meta"):
        network: Any = build(spec("efficientnetb0"))
        maps = network.stem(torch.zeros(1, 3, 32, 32))
        sizes = [maps.shape[-1]]
        for stage in range(1, 8):
            maps = network.get_submodule(f"layer{stage}")(maps)
            sizes.append(maps.shape[-1])
    assert sizes == [32, 32, 16, 16, 8, 8, 8, 8]


def test_variants_belong_to_layouts():
    small: Any = spec("efficientnetb0")
    assert small.variant == "lightnet"
    assert photo("efficientnetb0").variant == "lukemelas"
    for size, variant in ((32, "lightnet"), (224, "lukemelas")):
        images: dict[str, Any] = {"num_classes": 5, "in_channels": 1, "image_size": size}
        found: Any = spec_for_images("efficientnetb0", **images)
        assert found.variant == variant
    with pytest.raises(ConfigError, match="variant='lukemelas' of efficientnetb0 is for photos"):
        spec("efficientnetb0", variant="lukemelas")
    with pytest.raises(ConfigError, match=r"variant='none'.*'lightnet', 'lukemelas'"):
        photo("efficientnetb0", "none")
    with pytest.raises(ConfigError, match="variant='lightnet': resnet110 has none"):
        spec("resnet110", variant="lightnet")


@pytest.mark.parametrize("variant", ["lightnet", "lukemelas"])
def test_weight_decay_reaches_the_batchnorms_of_lukemelas_only(variant):
    """The paper's grouping goes by "norm" in the name."""
    with torch.device("meta"):
        network = build(photo("efficientnetb0", variant))
    norms = [(n, m) for n, m in network.named_modules() if isinstance(m, nn.BatchNorm2d)]
    assert {"norm" in name for name, _ in norms} == {variant == "lightnet"}
    assert {(norm.eps, norm.momentum) for _, norm in norms} == {(1e-3, 0.01)}
    others = {n for n, _ in network.named_parameters()} - {
        f"{n}.{part}" for n, _ in norms for part in ("weight", "bias")
    }
    assert not any("norm" in name for name in others)


@pytest.mark.parametrize("into", [1, 2, 4])
@pytest.mark.parametrize("name", ["efficientnetb0", "efficientnetb6"])
def test_probabilities_are_divided_by_the_root_of_s(name, into):
    with torch.device("meta"):
        lightnet: Any = build(divide_spec(spec(name), into))
        lukemelas = build(divide_spec(photo(name), into))
    p = DROPOUT[name] / into**0.5
    for network in (lightnet, lukemelas):
        assert [m.p for m in network.modules() if type(m) is nn.Dropout] == pytest.approx([p])
        assert {m.p for m in network.modules() if isinstance(m, DropPath)} == {0}
    for stage in range(7):
        for block in lightnet.get_submodule(f"layer{stage + 1}"):
            assert block.drop[0].p == pytest.approx(p * (stage + 1) / 7)
    assert {m.p for m in lukemelas.modules() if isinstance(m, nn.Dropout2d)} == {0}


def test_drop_connect_rises_linearly_with_the_block():
    with torch.device("meta"):
        network = build(divide_spec(photo("efficientnetb0", drop_connect=0.2), 4))
    rates = [m.p for m in network.modules() if isinstance(m, DropPath)]
    assert rates == pytest.approx([0.1 * block / 16 for block in range(16)])


def test_whole_channels_of_residual_branches_are_dropped():
    """Where there is no shortcut nothing is dropped."""
    torch.manual_seed(0)
    large: Any = spec("efficientnetb0", channel_dropout=0.5)
    block = MBConv(large, 6, 320, 1, 0.0).train()
    assert block.residual
    x = torch.randn(16, 320, 4, 4)
    kept = (block(x) - x).flatten(2).abs().amax(2) > 1e-6
    assert kept.float().mean().item() == pytest.approx(0.5, abs=0.05)
    assert not MBConv(large, 6, 192, 1, 0.0).residual


@pytest.mark.parametrize(
    ("into", "widths", "head"),
    [
        (1, (32, 16, 24, 40, 80, 112, 192, 320), 1280),
        (2, (24, 12, 16, 24, 56, 80, 136, 224), 920),
        (4, (16, 12, 16, 20, 40, 56, 96, 160), 640),
    ],
)
def test_widths_are_the_published_table(into, widths, head):
    divided: Any = divide_spec(photo("efficientnetb1"), into)
    assert widths_of(divided) == widths
    assert divided.widths[-1] == head


@pytest.mark.parametrize("into", [1, 2, 4])
@pytest.mark.parametrize("multiplier", [1.0, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2])
def test_scaled_widths_are_multiples_near_the_exact_ones(into, multiplier):
    divisor = 8 if into == 1 else 4
    exact = [multiplier * width for width in scaled_widths(into, 1.0)]
    for width, wanted in zip(scaled_widths(into, multiplier), exact, strict=True):
        assert width % divisor == 0
        assert 0.9 * wanted <= width <= wanted + divisor


def test_other_divisions_are_refused():
    with pytest.raises(ConfigError, match=r"into=8: efficientnetb0 .* into=4$"):
        divide_spec(photo("efficientnetb0"), 8)
    half = divide_spec(photo("efficientnetb0"), 2)
    with pytest.raises(ConfigError, match=r"into=2: efficientnetb0 .* into=1$"):
        divide_spec(half, 2)


def test_lightnet_starts_as_published_and_lukemelas_as_torch_draws():
    torch.manual_seed(0)
    lightnet: Any = build(photo("efficientnetb0", "lightnet"))
    lukemelas: Any = build(photo("efficientnetb0", "lukemelas"))
    weight = "layer6.3.branch.depthwise.conv.weight"
    depthwise = lightnet.get_parameter(weight)
    assert depthwise.std().item() == pytest.approx((2 / (1152 * 25)) ** 0.5, rel=0.02)
    assert not any(p.any() for n, p in lightnet.named_parameters() if n.endswith("bias"))
    assert lightnet.fc.weight.abs().max().item() == pytest.approx(1000**-0.5, rel=0.001)
    bound = lukemelas.get_parameter(weight).abs().max().item()
    assert bound == pytest.approx(1 / 5, rel=0.01)
    assert lukemelas.fc.weight.abs().max().item() == pytest.approx(1280**-0.5, rel=0.001)
    assert lukemelas.fc.bias.any()
