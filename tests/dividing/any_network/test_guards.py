from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cotrain import ConfigError
from cotrain.dividing.any_network import guards
from cotrain.dividing.any_network.by_structure.survey import survey
from cotrain.dividing.any_network.halving import NotHalvedError, check_halves
from cotrain.networks.meta import on_meta

SHAPE = (3, 16, 16)


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
    def __init__(self, width: int = 32) -> None:
        super().__init__(
            nn.Conv2d(3, width, 3),
            nn.BatchNorm2d(width),
            nn.GELU(),
            nn.Conv2d(width, width, 3, groups=width),
            nn.GroupNorm(4, width),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(width, 10),
        )


def found(build):
    return survey(on_meta(build), SHAPE)


@pytest.mark.parametrize("build", [Convolutional, lambda: Scaled(hidden=False)])
def test_halving_agrees_for_layers_and_a_recomputed_scale(build):
    assert check_halves(build, found(build)) is None


def test_halving_finds_a_stale_scale_and_the_module_after_it():
    def build() -> nn.Module:
        return Scaled(hidden=True)

    with pytest.raises(ConfigError, match=r"^module 'head' gives something else with half"):
        check_halves(build, found(build))


def test_halving_says_nothing_of_widths_that_are_odd():
    def build() -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 7, 16), nn.Flatten(), nn.Linear(7, 10))

    with pytest.raises(NotHalvedError, match="some widths have no half"):
        check_halves(build, found(build))


@pytest.mark.parametrize("build", [Convolutional, lambda: Scaled(hidden=False)])
def test_nothing_changes_at_scale_one(build):
    assert guards.check_scale_one(found(build)) is None


def test_a_structure_that_changes_at_scale_one_is_found(monkeypatch):
    monkeypatch.setattr(
        "cotrain.dividing.any_network.by_structure.width_map.WidthMap.__call__",
        lambda _, width: width - 8 if width == 32 else width,
    )
    with pytest.raises(ConfigError, match=r"^at scale 1 '0' becomes another"):
        guards.check_scale_one(found(Convolutional))


class Rounded(Convolutional):
    """Its constructor takes other widths than it is told."""

    calls = 0

    def __init__(self, width: int = 32) -> None:
        Rounded.calls += 1
        super().__init__(width if Rounded.calls < 3 else width + 8)


def test_the_same_arguments_make_the_same_network():
    changes = [(["width"], 16)]
    assert guards.check_same_arguments(Convolutional, changes) is None
    assert guards.check_same_outputs(Convolutional, changes, SHAPE) is None
    with pytest.raises(ConfigError, match=r"^with the same arguments '0' becomes another"):
        guards.check_same_arguments(Rounded, changes)
    Rounded.calls = 0
    with pytest.raises(ConfigError, match="gives other outputs"):
        guards.check_same_outputs(Rounded, changes, SHAPE)


class Branched(nn.Module):
    """Of two branches the one is taken that fits; training fails where it is told to."""

    def __init__(self, taken: str, fails: bool = False) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(768, 10), nn.Linear(768, 10)
        self.taken, self.fails = taken, fails

    def forward(self, x: Tensor) -> Tensor:
        if self.fails and self.training:
            raise RuntimeError("widths do not fit")
        return torch.stack([getattr(self, name)(x.flatten(1)) for name in self.taken]).sum(0)


def test_a_training_step_must_reach_what_it_reaches_in_the_large_network():
    both, first = (on_meta(lambda taken=taken: Branched(taken)) for taken in ("ab", "a"))
    assert guards.check_training_step(both, both, SHAPE) is None
    assert guards.check_training_step(first, first, SHAPE) is None
    with pytest.raises(ConfigError, match=r"^b\.bias and 1 others have no gradient"):
        guards.check_training_step(first, both, SHAPE)


def test_a_training_step_that_fails_is_compared_with_the_large_networks():
    broken, sound = (on_meta(lambda fails=fails: Branched("ab", fails)) for fails in (True, False))
    with pytest.raises(ConfigError, match=r"fails \(RuntimeError: widths do not fit\)"):
        guards.check_training_step(broken, sound, SHAPE)
    with pytest.raises(RuntimeError, match="widths do not fit"):
        guards.check_training_step(broken, broken, SHAPE)


def test_the_same_function_is_told_from_another():
    other = Scaled(hidden=False)
    other.scale = 32**-0.5
    assert guards.same_function(Scaled(hidden=False), Scaled(hidden=True), SHAPE)
    assert not guards.same_function(Scaled(hidden=False), other, SHAPE)
    assert not guards.same_function(Convolutional(), other, SHAPE)


def test_randomizing_leaves_nothing_at_zero():
    network: Any = Convolutional()
    torch.nn.init.zeros_(network[0].weight)
    guards.randomize(network)
    assert network[0].weight.std() > 0.1
