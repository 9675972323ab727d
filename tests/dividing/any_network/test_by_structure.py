import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.dividing.any_network.by_structure.search import divide_by_structure
from cotrain.dividing.any_network.goal import Attempt, Goal
from cotrain.networks.costs import count_params
from cotrain.networks.foreign.narrow.reshaping import apply_record
from cotrain.networks.meta import on_meta


class Attention(nn.Module):
    """Keeps its scale as a number, as many libraries do."""

    def __init__(self, dim: int = 192, heads: int = 3, scale: float | None = None) -> None:
        super().__init__()
        self.num_heads = heads
        self.scale = scale or (dim // heads) ** -0.5
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        B, N, C = x.shape
        q, k, v = self.qkv(x).reshape(B, N, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)
        weights = (q * self.scale @ k.transpose(-2, -1)).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(B, N, C))


class Transformer(nn.Module):
    def __init__(self, scale: float | None = None) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 192, 4, 4)
        self.token = nn.Parameter(torch.zeros(1, 1, 192))
        self.position = nn.Parameter(torch.randn(1, 17, 192) * 0.02)
        self.attention = Attention(scale=scale)
        self.gamma = nn.Parameter(torch.ones(192))
        self.norm = nn.LayerNorm(192)
        self.head = nn.Linear(192, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.position
        x = x + self.gamma * self.attention(self.norm(x))
        return self.head(x[:, 0])


class Split(nn.Module):
    """Sizes of a split, and a width that is sliced off, kept as numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 48, 3)
        self.sizes = (16, 32)
        self.left = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.grouped = nn.Conv2d(32, 32, 3, padding=1, groups=4)
        self.norm = nn.BatchNorm2d(48)
        self.head = nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        left, right = x.split(self.sizes, 1)
        x = x + self.norm(torch.cat([self.left(left), self.grouped(right)], 1))
        return self.head(x.mean((2, 3)))


class Mixer(nn.Module):
    """As many tokens, 64, as channels."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 64, 2, 2)
        self.tokens = nn.Linear(64, 64)
        self.channels = nn.Linear(64, 64)
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).flatten(2)
        x = x + self.tokens(x)
        x = x.transpose(1, 2)
        return self.head((x + self.channels(x)).mean(1))


def divided(build: Callable[[], nn.Module], into: int, size: int = 16) -> tuple[Goal, Attempt]:
    goal = Goal(large=on_meta(build), image_shape=(3, size, size), classes=10, into=into)
    return goal, divide_by_structure(goal)


@pytest.mark.parametrize("build", [Transformer, Split])
@pytest.mark.parametrize("into", [2, 4])
def test_hand_made_networks_keep_the_budget_and_run(build, into):
    goal, attempt = divided(build, into)
    small = apply_record(build(), json.loads(json.dumps(attempt.changes)))
    assert attempt.fits(goal)
    assert small(torch.randn(2, 3, 16, 16)).shape == (2, 10)
    assert abs(into * count_params(small) / count_params(build()) - 1) <= 0.05


def test_scales_and_bare_parameters_follow_the_width():
    _, attempt = divided(Transformer, 4)
    small: Any = apply_record(Transformer(), attempt.changes)
    width: Any = small.embed.out_channels
    assert width % 3 == 0
    assert small.attention.scale == pytest.approx((width / 3) ** -0.5)
    assert small.position.shape == (1, 17, width)
    assert small.gamma.shape == (width,)


def test_split_sizes_and_groups_follow_the_width():
    _, attempt = divided(Split, 4)
    small: Any = apply_record(Split(), attempt.changes)
    assert sum(small.sizes) == small.stem.out_channels < 48
    assert small.left.groups == small.left.in_channels == small.sizes[0]
    assert small.grouped.groups == 4


def test_tokens_stay_where_there_are_as_many_as_channels():
    _, attempt = divided(Mixer, 4)
    shapes = attempt.changes["shapes"]
    assert "tokens.weight" not in shapes
    width = shapes["embed.weight"][0]
    assert width < 64
    assert shapes["channels.weight"] == [width, width]


def test_a_users_own_widths_are_kept():
    goal = Goal(large=on_meta(Split), image_shape=(3, 16, 16), classes=10, into=4)
    attempt = divide_by_structure(goal, widths={48: 24, 32: 16, 16: 8})
    assert attempt.changes["shapes"]["stem.weight"] == [24, 3, 3, 3]
    with pytest.raises(ConfigError, match=r"widths\[47\]=3"):
        divide_by_structure(goal, widths={47: 3})


@pytest.mark.parametrize(
    "name", ["resnet18", "vit_tiny_patch16_224", "efficientnet_b0", "convnext_atto"]
)
def test_timm_networks_keep_both_costs(name):
    timm = pytest.importorskip("timm")

    def build() -> nn.Module:
        return timm.create_model(name, num_classes=10)

    goal = Goal(large=on_meta(build), image_shape=(3, 224, 224), classes=10, into=4)
    attempt = divide_by_structure(goal)
    assert attempt.fits(goal)
    assert attempt.unevenness < 1.25
