from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cotrain.dividing.any_network import guards


class Scaled(nn.Module):
    """Attention of one head; its scale is a number, or a constant that no narrowing can see."""

    def __init__(self, hidden: bool) -> None:
        super().__init__()
        self.hidden = hidden
        self.scale = 64**-0.5
        self.embed = nn.Conv2d(3, 64, 4, 4)
        self.norm = nn.LayerNorm(64)
        self.q, self.k = nn.Linear(64, 64), nn.Linear(64, 64)
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.embed(x).flatten(2).transpose(1, 2))
        logits = self.q(x) @ self.k(x).transpose(1, 2)
        weights = (logits * (64**-0.5 if self.hidden else self.scale)).softmax(-1)
        return self.head((weights @ x).mean(1))


class Convolutional(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 32, 3),
            nn.BatchNorm2d(32),
            nn.GELU(),
            nn.Conv2d(32, 32, 3, groups=32),
            nn.GroupNorm(4, 32),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(32, 10),
        )


def test_halving_agrees_for_a_recomputed_scale():
    assert guards.halves_agree(lambda: Scaled(hidden=False), (3, 16, 16)) is True


def test_halving_finds_a_stale_scale():
    assert guards.halves_agree(lambda: Scaled(hidden=True), (3, 16, 16)) is False


def test_halving_agrees_for_convolutions_and_norms():
    assert guards.halves_agree(Convolutional, (3, 16, 16)) is True


def test_halving_says_nothing_of_widths_that_are_odd():
    def build() -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 7, 16), nn.Flatten(), nn.Linear(7, 10))

    assert guards.halves_agree(build, (3, 16, 16)) is None


@pytest.mark.parametrize("build", [Convolutional, lambda: Scaled(hidden=False)])
def test_nothing_changes_at_scale_one(build):
    assert guards.unchanged_at_scale_one(build, (3, 16, 16))


def test_the_same_function_is_told_from_another():
    other = Scaled(hidden=False)
    other.scale = 32**-0.5
    assert guards.same_function(Scaled(hidden=False), Scaled(hidden=True), (3, 16, 16))
    assert not guards.same_function(Scaled(hidden=False), other, (3, 16, 16))
    assert not guards.same_function(Convolutional(), other, (3, 16, 16))


def test_randomizing_leaves_nothing_at_zero():
    network: Any = Convolutional()
    torch.nn.init.zeros_(network[0].weight)
    guards.randomize(network)
    assert network[0].weight.std() > 0.1
