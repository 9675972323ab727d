"""SE networks: timm's function, the formula, DropBlock's place, divisions, initialisation."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from comparing import randomize, relative_error
from of_networks import gradients_of, widths_of
from timm.models.senet import SEBottleneck, SENet
from torch import nn
from torch.nn import functional as F

from cotrain import ConfigError
from cotrain.dividing import divide_spec
from cotrain.networks import build, spec
from cotrain.networks.families.stochastic import DropBlock


def photo(name: str, **options) -> Any:
    return spec(name, dataset="imagenet", **options)


@pytest.mark.parametrize("size", [(64, 96), (37, 50)])
def test_senet154_is_timms_legacy_senet154(size):
    """Of fewer blocks; the whole network differs in nothing but their number."""
    torch.manual_seed(0)
    blocks = (1, 2, 1, 1)
    ours = build(replace(photo("senet154", num_classes=10), blocks=blocks))
    theirs = SENet(
        SEBottleneck,
        blocks,
        groups=64,
        reduction=16,
        drop_rate=0.2,
        downsample_kernel_size=3,
        downsample_padding=1,
        inplanes=128,
        input_3x3=True,
        num_classes=10,
    )
    assert relative_error(ours, theirs, (2, 3, *size)) < 1e-12


def formula(network: nn.Module, blocks: tuple[int, ...], groups: int, images: torch.Tensor):
    """An SE network of average-pool shortcuts written with functions, its weights in order."""
    state = iter(v for k, v in network.state_dict().items() if "tracked" not in k)

    def convolution(x, stride=1, groups=1):
        weight = next(state)
        gamma, beta, mean, variance = (next(state)[:, None, None] for _ in range(4))
        x = F.conv2d(x, weight, None, stride, weight.shape[-1] // 2, 1, groups)
        return (x - mean) / (variance + 1e-5).sqrt() * gamma + beta

    if len(blocks) == 3:
        x = convolution(images).relu()
    else:
        x = convolution(convolution(convolution(images, 2).relu()).relu()).relu()
        x = F.max_pool2d(x, 3, 2, ceil_mode=True)
    for stage, count in enumerate(blocks):
        for block in range(count):
            stride = 2 if stage and not block else 1
            branch = convolution(convolution(x).relu(), stride, groups).relu()
            branch = convolution(branch)
            hidden = F.conv2d(branch.mean((2, 3), keepdim=True), next(state), next(state)).relu()
            branch = branch * F.conv2d(hidden, next(state), next(state)).sigmoid()
            if stride == 2:
                x = F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)
            x = (branch + (x if block else convolution(x))).relu()
    return x.mean((2, 3)) @ next(state).T + next(state)


@pytest.mark.parametrize(
    ("name", "dataset", "blocks"),
    [
        ("se_resnet110", "cifar100", (2, 1, 2)),
        ("se_resnet50", "imagenet", (1, 2, 1, 1)),
        ("se_resnet50_B", "imagenet", (1, 1, 1, 2)),
        ("se_resnext101_64x4d", "imagenet", (1, 1, 1, 1)),
        ("se_resnext101_64x4d_B", "imagenet", (1, 1, 1, 1)),
        ("senet113", "imagenet", (1, 1, 1, 1)),
    ],
)
@pytest.mark.parametrize("size", [(64, 64), (37, 50)])
def test_is_the_formula(name, dataset, blocks, size):
    torch.manual_seed(0)
    large = replace(spec(name, dataset=dataset, num_classes=5), blocks=blocks)
    for into in (1, 4):
        small: Any = divide_spec(large, into)
        network = build(small).double().eval()
        randomize(network)
        images = torch.randn(2, 3, *size, dtype=torch.float64)
        with torch.no_grad():
            expected = formula(network, blocks, small.groups, images)
            assert torch.allclose(network(images), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("size", "block"), [(224, 3), (64, 1), (74, 1), (320, 4), (373, 4), (450, 6)]
)
def test_drop_block_is_in_the_last_two_stages_at_every_size(size, block):
    """3 * size // 224, also where the authors' code divides by 0 or gets even sizes wrong."""
    with torch.device("meta"):
        network = build(photo("se_resnet50_B", image_size=size))
    drops = {n: m for n, m in network.named_modules() if isinstance(m, DropBlock)}
    assert len(drops) == 6 + 3
    assert {name.partition(".")[0] for name in drops} == {"layer3", "layer4"}
    assert {(drop.p, drop.size) for drop in drops.values()} == {(0.1, block)}


@pytest.mark.parametrize("size", [64, 96])
def test_se_resnet50_b_trains_where_block_sizes_are_even_or_images_small(size):
    torch.manual_seed(0)
    large = replace(photo("se_resnet50_B", image_size=320), blocks=(1, 1, 1, 1))
    network = build(divide_spec(large, 8)).train()
    with torch.autocast("cpu", torch.bfloat16):
        loss = network(torch.randn(4, 3, size, size)).logsumexp(1).sum()
    loss.backward()
    assert gradients_of(network).isfinite().all()


def test_probabilities_are_divided_by_the_root_of_s():
    divided: Any = divide_spec(photo("se_resnet50_B"), 4)
    assert (divided.dropout, divided.drop_block) == (0.1, 0.05)
    plain: Any = spec("se_resnet110")
    assert plain.dropout == 0
    half: Any = divide_spec(photo("senet154"), 2)
    assert half.dropout == pytest.approx(0.2 / 2**0.5)


@pytest.mark.parametrize(("into", "stem"), [(2, 44), (4, 32), (8, 24)])
def test_se_resnets_divide_their_stem_by_the_table(into, stem):
    divided = divide_spec(photo("se_resnet101"), into)
    assert widths_of(divided) == (stem, *(stem * w for w in (4, 8, 16, 32)))


@pytest.mark.parametrize("name", ["senet154", "senet113", "se_resnext101_64x4d"])
@pytest.mark.parametrize("into", [2, 4, 8])
def test_the_others_divide_their_groups(name, into):
    large = photo(name)
    divided: Any = divide_spec(large, into)
    expected = replace(large, groups=64 // into, dropout=divided.dropout)
    assert divided == expected
    assert widths_of(divided) == widths_of(large)


def test_refusals_name_the_nearest():
    with pytest.raises(ConfigError, match=r"into=3: senet154 .* into=4$"):
        divide_spec(photo("senet154"), 3)
    with pytest.raises(ConfigError, match=r"into=16: se_resnet50 .* into=8$"):
        divide_spec(photo("se_resnet50"), 16)


def test_starts_with_biases_at_0_and_no_block_as_the_identity():
    torch.manual_seed(0)
    network: Any = build(photo("se_resnet50"))
    assert not any(p.any() for n, p in network.named_parameters() if n.endswith("bias"))
    assert all(p.any() for n, p in network.named_parameters() if n.endswith("weight"))
    weight = network.get_parameter("layer4.2.conv2.weight")
    assert weight.std().item() == pytest.approx((2 / (9 * 512)) ** 0.5, rel=0.01)
    assert network.fc.weight.std().item() == pytest.approx(1e-3, rel=0.01)


def test_names_belong_to_one_layout():
    with pytest.raises(ConfigError, match=r'senet154.*dataset="imagenet"'):
        spec("senet154", dataset="cifar10")
    with pytest.raises(ConfigError, match=r'se_resnet110.*dataset="cifar10"'):
        photo("se_resnet110")
    with pytest.raises(ConfigError, match=r"se_resnet108'.* the nearest is 110$"):
        spec("se_resnet108")
