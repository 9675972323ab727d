"""ResNets for photos: timm's function, the published divisions, initialisation and dropout."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from comparing import randomize, relative_error
from of_networks import widths_of
from timm.models.resnet import Bottleneck, ResNet
from torch.nn import functional as F

from cotrain import ConfigError
from cotrain.dividing import divide_spec
from cotrain.networks import build, spec


def photo(name: str, **options) -> Any:
    return spec(name, dataset="imagenet", **options)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("resnet50", {}),
        ("wide_resnet50_2", {"base_width": 128}),
        ("wide_resnet50_3", {"base_width": 192}),
        ("resnext50_32x4d", {"cardinality": 32, "base_width": 4}),
        ("resnext101_64x4d", {"cardinality": 64, "base_width": 4}),
    ],
)
@pytest.mark.parametrize("size", [(64, 96), (37, 50)])
def test_is_timms_resnet_with_deep_stem_and_average_pool_shortcuts(name, options, size):
    """Of fewer blocks; one stage more than one block deep."""
    torch.manual_seed(0)
    blocks = (1, 2, 1, 1)
    ours = build(replace(photo(name, num_classes=10), blocks=blocks))
    shape = {"stem_width": 64, "stem_type": "deep", "avg_down": True}
    bottleneck: Any = Bottleneck  # which timm's signature takes for an instance
    theirs = ResNet(bottleneck, blocks, num_classes=10, **shape, **options)
    assert relative_error(ours, theirs, (2, 3, *size)) < 1e-12


@pytest.mark.parametrize("size", [8, 9, 12])
def test_basic_blocks_are_the_formula(size):
    """A Wide ResNet for small images written with functions, its weights taken in order."""
    torch.manual_seed(0)
    network = build(spec("wide_resnet10_2", num_classes=5)).double().eval()
    randomize(network)
    state = iter(v for k, v in network.state_dict().items() if "tracked" not in k)

    def convolution(x, stride=1):
        weight = next(state)
        gamma, beta, mean, variance = (next(state)[:, None, None] for _ in range(4))
        x = F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        return (x - mean) / (variance + 1e-5).sqrt() * gamma + beta

    images = torch.randn(2, 3, size, size, dtype=torch.float64)
    x = convolution(images).relu()
    for stride in (1, 2, 2):
        branch = convolution(convolution(x, stride).relu())
        if stride == 2:
            x = F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)
        x = (branch + convolution(x)).relu()
    expected = x.mean((2, 3)) @ next(state).T + next(state)
    with torch.no_grad():
        assert torch.allclose(network(images), expected, rtol=1e-10)


@pytest.mark.parametrize("name", ["resnet50", "resnet101", "resnet152", "resnet200"])
@pytest.mark.parametrize(("into", "stem"), [(1, 64), (2, 44), (4, 32), (8, 24)])
def test_resnets_divide_their_stem_by_the_table(name, into, stem):
    divided = divide_spec(photo(name), into)
    assert widths_of(divided) == tuple(stem * w for w in (2, 4, 8, 16, 32))


@pytest.mark.parametrize(
    ("name", "into", "stem", "base"),
    [
        ("wide_resnet50_2", 2, 64, 64),
        ("wide_resnet50_2", 4, 32, 128),
        ("wide_resnet50_3", 2, 64, 128),
        ("wide_resnet50_3", 4, 32, 192),
        ("wide_resnet101_2", 2, 44, 128),
        ("wide_resnet101_2", 4, 32, 128),
    ],
)
def test_wide_resnets_divide_their_bottlenecks_or_their_stem(name, into, stem, base):
    divided: Any = divide_spec(photo(name), into)
    assert (divided.stem_width, divided.planes, divided.base_width) == (stem, stem, base)


def test_half_a_wide_resnet_is_the_next_narrower_network():
    for wide, narrow in (("wide_resnet50_2", "resnet50"), ("wide_resnet50_3", "wide_resnet50_2")):
        half, whole = divide_spec(photo(wide), 2), photo(narrow)
        assert replace(half, arch=narrow, divided_by=whole.divided_by) == whole


@pytest.mark.parametrize("name", ["wide_resnet50_2", "wide_resnet50_3", "wide_resnet101_2"])
@pytest.mark.parametrize(("into", "nearest"), [(8, 4), (3, 4), (16, 4)])
def test_other_divisions_of_wide_resnets_are_refused(name, into, nearest):
    with pytest.raises(ConfigError, match=rf"^into={into}: .* works is into={nearest}$"):
        divide_spec(photo(name), into)


@pytest.mark.parametrize("into", [2, 4, 8])
def test_resnexts_divide_their_groups(into):
    large = photo("resnext50_32x4d")
    assert divide_spec(large, into) == replace(large, groups=32 // into)


def test_dropout_of_resnet101_is_divided_by_s():
    divided: list[Any] = [divide_spec(photo("resnet101"), into) for into in (1, 2, 4)]
    assert [each.dropout for each in divided] == [0.1, 0.05, 0.025]
    own: Any = divide_spec(photo("resnet50", dropout=0.4), 4)
    assert own.dropout == 0.1
    assert photo("resnet50").dropout == 0


def test_every_block_starts_as_its_shortcut_and_the_classifier_near_0():
    torch.manual_seed(0)
    network: Any = build(photo("resnet50"))
    zero = [n for n, p in network.named_parameters() if n.endswith("weight") and not p.any()]
    assert len(zero) == 3 + 4 + 6 + 3
    assert network.fc.weight.std().item() == pytest.approx(1e-3, rel=0.01)
    weight = network.get_parameter("layer4.2.conv2.weight")
    assert weight.std().item() == pytest.approx((2 / (9 * 512)) ** 0.5, rel=0.01)
    assert not any(p.any() for n, p in network.named_parameters() if n.endswith("bias"))


@pytest.mark.parametrize("name", ["resnet50", "resnet101", "wide_resnet50_2", "resnext50_32x4d"])
def test_names_for_photos_are_refused_for_small_images(name):
    with pytest.raises(ConfigError, match=f'{name}.*dataset="imagenet"'):
        spec(name, dataset="cifar100")


@pytest.mark.parametrize("name", ["resnet110", "wide_resnet28_10", "resnext29_8x64d"])
def test_names_for_small_images_are_refused_for_photos(name):
    with pytest.raises(ConfigError, match=f'{name}.*dataset="cifar10"'):
        photo(name)
