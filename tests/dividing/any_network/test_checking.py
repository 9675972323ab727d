"""A division that would compute something else is refused, and what was looked at is told."""

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cotrain import ConfigError, divide
from cotrain.config.dividing import Check, Method
from cotrain.dividing import DivideOptions, divide_spec
from cotrain.dividing.divide_spec import divide_and_check
from cotrain.networks.foreign.instances import spec_of

IMAGES = torch.zeros(1, 3, 16, 16)
STEP = "a training step reaches every parameter"
HALVES = "with every channel twice it gives what it gives with half of them"
BY_STRUCTURE = ("no scale is stale", "at scale 1 nothing changes", STEP)
BY_CONSTRUCTOR = ("the same arguments give the same network", STEP)


class Crossed(nn.Module):
    """Attention across two branches, as CrossViT's, whose scale is not of the width it has.

    ``hidden`` keeps the scale in the code, where nothing can read it; ``told`` in an attribute.
    """

    def __init__(self, scale: str) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 64, 4, 4)
        self.q, self.k = nn.Linear(64, 64), nn.Linear(64, 64)
        self.head = nn.Linear(64, 10)
        if scale == "told":
            self.scale = 50**-0.5

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).flatten(2).transpose(1, 2)
        scale = getattr(self, "scale", 64**-0.5)
        return self.head(((self.q(x) @ self.k(x).transpose(1, 2) * scale).softmax(-1) @ x).mean(1))


def crossed(scale: str):
    return spec_of(lambda: Crossed(scale), IMAGES)


def options(check: Check, method: Method = "structural") -> DivideOptions:
    return DivideOptions(check=check, method=method)


@pytest.mark.parametrize(
    ("scale", "check", "message"),
    [
        ("told", "quick", r"structural: module '' \(Crossed\) multiplies by scale=0\.141421"),
        ("told", "full", r"structural: module '' \(Crossed\) multiplies by scale=0\.141421"),
        ("hidden", "full", r"structural: module 'head' gives something else"),
    ],
)
def test_a_stale_scale_is_refused_and_would_have_run(scale, check, message):
    large = crossed(scale)
    with pytest.raises(ConfigError, match=rf"^into=2: python:.* cannot be divided: {message}"):
        divide(large, 2, check=check, method="structural")
    ensemble = divide(large, 2, check="none", method="structural", seed=0)
    assert ensemble(torch.randn(3, 3, 16, 16)).shape == (2, 3, 10)
    narrow: Any = ensemble.networks[0]
    assert getattr(narrow, "scale", 64**-0.5) in (50**-0.5, 64**-0.5)
    assert narrow.q.out_features < 50


def test_what_was_looked_at_is_told():
    checks = divide_and_check(crossed("hidden"), 2, options("quick")).checks
    assert (checks.passed, checks.skipped, checks.none) == (BY_STRUCTURE, (), "")
    checks = divide_and_check(crossed("hidden"), 2, options("none")).checks
    assert (checks.passed, checks.skipped, checks.none) == ((), (), "check=none")


class Odd(nn.Sequential):
    """Seven channels have no half."""

    def __init__(self, width: int = 7) -> None:
        super().__init__(nn.Conv2d(3, width, 16), nn.Flatten(), nn.Linear(width, 10))


def test_what_could_not_be_looked_at_is_told_with_the_reason():
    large = spec_of(Odd(), IMAGES)
    asked = DivideOptions(check="full", widths={7: 5}, tolerance=0.5)
    checks = divide_and_check(large, 2, asked).checks
    assert checks.passed == BY_STRUCTURE
    (skipped,) = checks.skipped
    assert skipped == f"{HALVES} (NotHalvedError: some widths have no half)"
    with pytest.warns(UserWarning, match=r"is not checked: with every channel twice"):
        divide_spec(large, 2, asked)


def test_the_authors_own_code_is_checked_by_its_arguments():
    large = spec_of(lambda: Odd(64), IMAGES)
    quick = divide_and_check(large, 2, options("quick", "constructor")).checks
    assert quick.passed == BY_CONSTRUCTOR
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        full = divide_and_check(large, 2, options("full", "constructor")).checks
    assert full.passed == (*BY_CONSTRUCTOR, "the same arguments give the same outputs")
    assert full.skipped == ()


class Fixed(nn.Module):
    """A stem that no argument tells; the body's width is one."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 48, 4, 4)
        self.body = nn.ModuleList(nn.Conv2d(48 if i == 0 else width, width, 1) for i in range(4))
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for layer in self.body:
            x = layer(x).relu()
        return self.head(x.mean((2, 3)))


def test_where_both_ways_are_gone_both_are_checked(monkeypatch):
    def refuse(*_, **__):
        raise ConfigError("not alone")

    monkeypatch.setattr("cotrain.dividing.any_network.divide.divide_by_structure", refuse)
    asked = DivideOptions(check="full", tolerance=0.1)
    divided: Any = divide_and_check(spec_of(lambda: Fixed(), IMAGES), 2, asked)
    assert set(divided.spec.changes) == {"arguments", "attributes", "shapes"}
    assert divided.checks.passed == (
        BY_CONSTRUCTOR[0],
        *BY_STRUCTURE,
        "the same arguments give the same outputs",
    )
    assert [each.partition(" (")[0] for each in divided.checks.skipped] == [HALVES]
