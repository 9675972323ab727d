"""A small network computes what the large one computes without the channels that were dropped."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from cotrain.basics.errors import ConfigError
from cotrain.dividing import divide_spec
from cotrain.dividing.inheriting import inherit
from cotrain.dividing.inheriting.axis import kept
from cotrain.dividing.inheriting.inherit import choose_channels, fill
from cotrain.dividing.inheriting.labelling import label_channels
from cotrain.networks import build, spec

Pair = tuple[nn.Module, nn.Module]
SHAPE = (3, 32, 32)


def ours(name: str, into: int = 2, **options) -> Pair:
    large = spec(name, num_classes=5, **options)
    return build(large), build(divide_spec(large, into))


def torchvision_resnet(**narrow) -> Pair:
    from torchvision.models.resnet import Bottleneck, ResNet

    blocks = [1, 1, 1, 1]
    large = ResNet(Bottleneck, blocks, num_classes=5, groups=4, width_per_group=16)
    return large, ResNet(Bottleneck, blocks, num_classes=5, **narrow)


def timm_pair(name: str, wide: dict, narrow: dict, **both) -> Pair:
    import timm

    both["num_classes"] = 5
    return timm.create_model(name, **wide, **both), timm.create_model(name, **narrow, **both)


class Affine(nn.Module):
    """A norm's scale and shift without its mixing of channels: dropped ones change nothing."""

    def __init__(self, channels: int, **_: object) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight + self.bias


class MapAffine(Affine):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight[:, None, None] + self.bias[:, None, None]


def vit(narrow: dict, **both) -> Pair:
    wide = {"embed_dim": 64, "num_heads": 4}
    both = {"img_size": 32, "patch_size": 16, "depth": 2, **both}
    return timm_pair("vit_tiny_patch16_224", wide, narrow, **both)


def convnext(**both) -> Pair:
    wide, narrow = {"dims": (16, 32, 48, 64)}, {"dims": (8, 20, 30, 40)}
    return timm_pair("convnext_atto", wide, narrow, depths=(1, 1, 1, 1), **both)


def regnet() -> Pair:
    from timm.models.regnet import RegNet, RegNetCfg

    shape = {"wm": 2.49, "depth": 13, "group_size": 8, "se_ratio": 0.25}
    wide, narrow = RegNetCfg(w0=24, wa=36.44, **shape), RegNetCfg(w0=16, wa=25.2, **shape)
    return RegNet(wide, num_classes=5), RegNet(narrow, num_classes=5)


EXACT: dict[str, Callable[[], Pair]] = {
    "resnet": lambda: ours("basic_resnet"),
    "wide_resnet into 4": lambda: ours("wide_resnet10_4", 4),
    "se_resnet": lambda: ours("se_resnet11"),
    "resnext": lambda: ours("resnext11_8x8d"),
    "densenet": lambda: ours("densenet16_12"),
    # Divided ShakeDrop scales the branches otherwise, in evaluation too.
    "pyramidnet, padded shortcuts": lambda: ours("pyramidnet20_48", shake_drop=0.0),
    "efficientnet": lambda: ours("efficientnetb0"),
    "torchvision, fewer groups": lambda: torchvision_resnet(groups=2, width_per_group=16),
    "torchvision, narrower groups": lambda: torchvision_resnet(groups=4, width_per_group=8),
    "vit, fewer heads": lambda: vit({"embed_dim": 32, "num_heads": 2}, norm_layer=Affine),
    "convnext": lambda: convnext(norm_layer=MapAffine),
    "regnet": regnet,
}
FOLLOWED: dict[str, Callable[[], Pair]] = {
    "vit, narrower heads": lambda: vit({"embed_dim": 32, "num_heads": 4}),
    "convnext": convnext,
}


def trained(network: nn.Module) -> nn.Module:
    """All tensors as training leaves them: none that is 0, 1 or equal everywhere."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
            noise = torch.rand(tensor.shape, generator=generator)
            if name.endswith("running_var") or (tensor.dim() == 1 and "weight" in name):
                tensor.copy_(0.75 + noise / 2)
            elif tensor.is_floating_point() and (tensor.dim() <= 1 or tensor.std() < 0.01):
                tensor.copy_(noise / 5 - 0.1)
    return network.eval()


@pytest.mark.parametrize("family", EXACT)
def test_equals_the_large_network_without_the_dropped_channels(family: str) -> None:
    large, small = EXACT[family]()
    trained(large)
    channels = label_channels(large, small, SHAPE)
    images = torch.randn(2, *SHAPE)
    for chosen in choose_channels(large, channels, 2):
        fill(small, large, replace(channels, summed={}), chosen)
        masked = copy.deepcopy(large)
        with torch.no_grad():
            for name, tensor in masked.named_parameters():
                for dim, axis in enumerate(channels.axes[name]):
                    is_dropped = torch.ones(tensor.shape[dim], dtype=torch.bool)
                    is_dropped[kept(axis, chosen)] = False
                    tensor.index_fill_(dim, is_dropped.nonzero().flatten(), 0)
            expected, outputs = masked(images), small.eval()(images)
        assert expected.std() > 1e-3
        torch.testing.assert_close(outputs, expected, rtol=1e-4, atol=1e-5 * expected.abs().max())


@pytest.mark.parametrize("family", ["resnet", "densenet", "vit", "convnext"])
def test_divided_into_1_gives_the_same_outputs(family: str) -> None:
    large = ({**EXACT, **FOLLOWED, "vit": FOLLOWED["vit, narrower heads"]})[family]()[0]
    same = copy.deepcopy(large)
    trained(large)
    inherit(large, [same], SHAPE)
    images = torch.randn(2, *SHAPE)
    with torch.no_grad():
        assert torch.equal(same.eval()(images), large(images))


@pytest.mark.parametrize("family", FOLLOWED)
def test_every_weight_comes_from_the_large_network(family: str) -> None:
    large, small = FOLLOWED[family]()
    trained(large)
    channels = label_channels(large, small, SHAPE)
    chosen = choose_channels(large, channels, 1)[0]
    fill(small, large, replace(channels, summed={}), chosen)
    theirs = large.state_dict()
    for name, tensor in small.state_dict().items():
        indices = torch.meshgrid(*(kept(a, chosen) for a in channels.axes[name]), indexing="ij")
        assert torch.equal(tensor, theirs[name][indices] if indices else theirs[name])


def test_complementary_networks_keep_all_channels() -> None:
    large, small = ours("wide_resnet16_4", 4)
    channels = label_channels(trained(large), small, SHAPE)
    hands = choose_channels(large, channels, 4)
    for name, axes in channels.axes.items():
        for dim, axis in enumerate(axes):
            together = {index for hand in hands for index in kept(axis, hand).tolist()}
            assert together == set(range(large.state_dict()[name].shape[dim])), (name, dim)


def test_sums_are_compensated() -> None:
    def network(width: int) -> Any:
        return nn.Sequential(nn.Flatten(), nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 3))

    large, small = network(6), network(2)
    inherit(large, [small], (1, 2, 2))
    rows = [large[1].weight.tolist().index(row) for row in small[1].weight.tolist()]
    torch.testing.assert_close(small[3].weight, large[3].weight[:, rows] * 3)
    assert torch.equal(small[3].bias, large[3].bias)


def test_two_halves_average_to_the_large_network() -> None:
    """A hidden layer dealt out to S networks: their mean is what the large one says."""
    torch.manual_seed(0)

    def network(width: int) -> Any:
        return nn.Sequential(nn.Flatten(), nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 3))

    large, smalls = network(8), [network(4), network(4)]
    inherit(large, smalls, (1, 2, 2))
    images = torch.randn(5, 1, 2, 2)
    mean = torch.stack([small(images) for small in smalls]).mean(0)
    torch.testing.assert_close(mean, large(images))


def test_the_same_weights_every_time() -> None:
    def once() -> list[dict[str, torch.Tensor]]:
        torch.manual_seed(0)
        large, *smalls = (ours("basic_resnet", 2)[i] for i in (0, 1, 1))
        inherit(trained(large), smalls, SHAPE)
        return [small.state_dict() for small in smalls]

    first, second = once(), once()
    for one, other in zip(first, second, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert not torch.equal(first[0]["fc.weight"], first[1]["fc.weight"])


class CumulativeSum(nn.Sequential):
    """Adds up the channels from the first on: what is left of that without some?"""

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return self[1](self[0](x).cumsum(1).mean((2, 3)))


@pytest.mark.parametrize(
    ("large", "small", "message"),
    [
        (
            CumulativeSum(nn.Conv2d(3, 4, 1), nn.Linear(4, 2)),
            CumulativeSum(nn.Conv2d(3, 2, 1), nn.Linear(2, 2)),
            r"forward: which channels to keep cannot be followed through aten.cumsum",
        ),
        (
            nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU()),
            nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sigmoid()),
            r"layer 1: the small network does not do what the large one does",
        ),
        (
            nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 2, 1)),
            nn.Sequential(nn.Conv2d(3, 5, 1), nn.Conv2d(5, 2, 1)),
            r"0.weight: its shape \[4, 3, 1, 1\] would become \[5, 3, 1, 1\]",
        ),
        (
            nn.Sequential(nn.Flatten(), nn.Linear(3072, 10)),
            nn.Sequential(nn.Flatten(), nn.Linear(3072, 5)),
            r"gives outputs of shape .* give networks of the same classes",
        ),
    ],
)
def test_what_cannot_be_followed_is_refused(large, small, message: str) -> None:
    before = copy.deepcopy(small.state_dict())
    with pytest.raises(ConfigError, match=message):
        inherit(large, [small], SHAPE)
    assert all(torch.equal(before[name], tensor) for name, tensor in small.state_dict().items())


def test_unequal_small_networks_are_refused() -> None:
    with pytest.raises(ConfigError, match="2 networks of unequal widths"):
        inherit(nn.Linear(4, 4), [nn.Linear(4, 2), nn.Linear(4, 3)], (4,))
