"""Dividing into an ensemble: independent networks, from a name, a spec, a module or a function."""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cotrain import ConfigError, Ensemble, divide, register_builder
from cotrain.basics.seeds import derive_seed, seeded
from cotrain.networks import build, registry, spec
from cotrain.networks.family import Family

SMALL = spec("basic_resnet8_8", num_classes=5, in_channels=1, image_size=8)
FAMILIES = ("wide_resnet10_4", "resnet11", "resnext11_8x4d", "basic_resnet8_8")
IMAGES = torch.zeros(1, 3, 16, 16)


@dataclass(frozen=True, kw_only=True)
class TokenSpec:
    """A network of the test's own, with parameters that belong to no layer."""

    arch: str = "token"
    num_classes: int = 4
    in_channels: int = 1
    image_size: int = 8


class TokenNetwork(nn.Module):
    """A bare token in front of the pixels, a position for each, a linear classifier."""

    def __init__(self, spec: TokenSpec) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, 1))
        self.positions = nn.Parameter(torch.empty(1, 1, spec.image_size**2 + 1))
        nn.init.trunc_normal_(self.positions, std=0.02)
        self.register_buffer("noise", torch.rand(3))
        self.fc = nn.Linear(spec.image_size**2 + 1, spec.num_classes)
        nn.init.zeros_(self.fc.bias)

    def forward(self, images: Tensor) -> Tensor:
        tokens = torch.cat([self.token.expand(len(images), -1, -1), images.flatten(2)], -1)
        return self.fc((tokens + self.positions).squeeze(1))


@pytest.fixture
def tokens(monkeypatch):
    family = Family(
        name="tokens",
        spec_type=TokenSpec,
        names=(),
        parse=lambda request: None,
        build=TokenNetwork,
        widths=lambda spec: (1, 1),
        divide=lambda spec, into: spec,
        regularization={},
    )

    monkeypatch.setitem(registry._FAMILIES, family.name, family)
    return TokenSpec()


def random_tensors(network_spec) -> set[str]:
    """The names of what initialisation draws: it differs between two seeds."""
    with seeded(1):
        first = build(network_spec).state_dict()
    with seeded(2):
        second = build(network_spec).state_dict()
    return {name for name, tensor in first.items() if not torch.equal(tensor, second[name])}


def assert_independent(ensemble: Ensemble, random: set[str]) -> None:
    """Every pair of networks differs in every tensor that is drawn."""
    states = [network.state_dict() for network in ensemble.networks]
    for one, other in combinations(states, 2):
        assert {name for name in one if not torch.equal(one[name], other[name])} == random


@pytest.mark.parametrize("name", FAMILIES)
def test_every_randomly_initialised_tensor_differs_between_networks(name):
    ensemble = divide(spec(name, num_classes=5), 4, seed=3)
    random = random_tensors(ensemble.spec.network)
    weights = {n for n, p in ensemble.networks[0].named_parameters() if p.dim() > 1}
    assert weights <= random
    assert_independent(ensemble, random)


def test_bare_parameters_and_buffers_differ_between_networks(tokens):
    random = random_tensors(tokens)
    assert random == {"token", "positions", "noise", "fc.weight"}
    assert_independent(divide(tokens, 3, seed=0), random)


def test_identical_initialisation_is_an_ablation():
    ensemble: Any = divide(SMALL, 4, seed=3, initialization="identical")
    first = ensemble.networks[0].state_dict()
    independent = divide(SMALL, 4, seed=3).networks[0].state_dict()
    for network in ensemble.networks:
        state = network.state_dict()
        assert all(torch.equal(state[name], first[name]) for name in first)
        assert all(torch.equal(state[name], independent[name]) for name in first)
    weights = [network.fc.weight.data_ptr() for network in ensemble.networks]
    assert len(set(weights)) == 4


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_the_same_seed_gives_the_same_weights():
    assert same_weights(divide(SMALL, 4, seed=5), divide(SMALL, 4, seed=5))
    assert not same_weights(divide(SMALL, 4, seed=5), divide(SMALL, 4, seed=6))


def test_without_a_seed_torchs_random_state_decides():
    ensembles = []
    for seed in (1, 1, 2):
        with seeded(seed):
            ensembles.append(divide(SMALL, 2))
    assert same_weights(ensembles[0], ensembles[1])
    assert not same_weights(ensembles[0], ensembles[2])


def test_a_seed_leaves_torchs_random_state_alone():
    before = torch.get_rng_state()
    divide(SMALL, 2, seed=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_into_1_is_the_large_network():
    ensemble = divide(SMALL, 1, seed=9)
    with seeded(derive_seed(9, "init", 0)):
        network = build(SMALL)
    assert ensemble.spec.network == ensemble.spec.large == SMALL
    assert same_weights(ensemble.networks[0], network)
    images = torch.randn(2, 1, 8, 8)
    assert torch.equal(ensemble.eval()(images)[0], network.eval()(images))


def test_a_name_means_its_spec():
    ensemble: Any = divide("wide_resnet10_2", 2, seed=0)
    assert ensemble.spec.large == spec("wide_resnet10_2")
    assert ensemble.spec.network.planes == 16
    assert (ensemble.spec.into, ensemble.spec.combine) == (2, "mean_logits")


@pytest.mark.parametrize("seed", [None, 0])
@pytest.mark.parametrize(
    ("network", "into", "message"),
    [
        ("wide_resnet2810", 4, "did you mean wide_resnet28_10"),
        ("resnext29_8x64d", 3, "nearest that works is into=4"),
        (SMALL, 0, "into=0"),
        (SMALL, True, "into=True"),
        (SMALL, 2.0, "into=2.0"),
        (nn.Linear(2, 2), 2, "network=Linear does not say which images it takes: give example"),
        (42, 1, "no registered family"),
    ],
)
def test_what_cannot_be_divided_is_refused(network, into, message, seed):
    with pytest.raises(ConfigError, match=message):
        divide(network, into, seed=seed)


def test_unknown_initialisation_is_refused():
    same: Any = "same"
    with pytest.raises(
        ConfigError, match=r"initialization='same'.*'fresh', 'identical', 'inherit'"
    ):
        divide(SMALL, 2, initialization=same)


class Plain(nn.Module):
    """A network of a user's own, without published rules and without a library."""

    def __init__(self, channels: int = 32, dropout: float = 0.2) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, 2 * channels, 3, padding=1),
            nn.BatchNorm2d(2 * channels),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.classifier = nn.Linear(2 * channels, 7)

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.features(images).mean((2, 3)))


@pytest.mark.parametrize("make", [Plain, lambda: Plain(), Plain().eval()])
def test_a_module_or_a_function_that_makes_one_is_divided(make):
    ensemble = divide(make, 4, example_input=IMAGES, seed=0)
    large = sum(parameter.numel() for parameter in Plain().parameters())
    assert ensemble.params == pytest.approx(large, rel=0.05)
    assert ensemble.eval()(torch.randn(2, 3, 16, 16)).shape == (4, 2, 7)
    assert_independent(
        ensemble,
        {"features.0.weight", "features.0.bias"}
        | {"features.3.weight", "features.3.bias", "classifier.weight", "classifier.bias"},
    )


def test_dropout_is_divided_by_the_root_of_s():
    ensemble: Any = divide(Plain, 4, example_input=IMAGES, seed=0)
    assert [network.features[-1].p for network in ensemble.networks] == [pytest.approx(0.1)] * 4


def test_the_budget_may_be_macs():
    ensemble = divide(Plain, 2, example_input=IMAGES, budget="macs", seed=0)
    large = divide(Plain, 1, example_input=IMAGES, seed=0)
    assert ensemble.macs((3, 16, 16)) == pytest.approx(large.macs((3, 16, 16)), rel=0.05)


def test_widths_of_a_users_own_are_kept():
    widths = {32: 8, 64: 50}
    ensemble: Any = divide(Plain(), 2, example_input=IMAGES, widths=widths, tolerance=0.6, seed=0)
    first, second = ensemble.networks[0].features[0], ensemble.networks[0].features[3]
    assert (first.out_channels, second.in_channels, second.out_channels) == (8, 8, 50)


def test_a_small_network_of_a_users_own_is_taken_if_it_keeps_the_budget():
    def small() -> Plain:
        return Plain(22)

    ensemble: Any = divide(Plain, 2, example_input=IMAGES, small=small, seed=0)
    assert ensemble.networks[1].features[0].out_channels == 22
    with pytest.raises(ConfigError, match=r"2 of them have 2\.000 times the params"):
        divide(Plain, 2, example_input=IMAGES, small=Plain, seed=0)


def test_what_is_out_of_tolerance_says_what_was_reached(tmp_path):
    with pytest.raises(ConfigError, match=r"has 0\.\d+ times its params.*give tolerance=0\.\d+"):
        divide(Plain(), 2, example_input=IMAGES, widths={32: 16, 64: 32})


def test_a_users_own_network_is_loaded_where_its_builder_is_registered(tmp_path, monkeypatch):
    ensemble = divide(Plain, 2, example_input=IMAGES, seed=0)
    ensemble.save(tmp_path)
    loaded = Ensemble.load(tmp_path)
    images = torch.randn(2, 3, 16, 16)
    assert torch.equal(loaded(images), ensemble.eval()(images))
    name = ensemble.spec.large.arch.removeprefix("python:")
    from cotrain.networks.foreign.libraries import user_networks

    monkeypatch.setattr(user_networks, "_BUILDERS", {})
    with pytest.raises(ConfigError, match=r"register it first with cotrain\.register_builder"):
        Ensemble.load(tmp_path)
    register_builder(name, Plain)
    assert torch.equal(Ensemble.load(tmp_path)(images), loaded(images))


@pytest.mark.parametrize(
    ("network", "images", "message"),
    [
        (Plain(), None, "give example_input="),
        (Plain(), torch.zeros(3, 16, 16), r"\[3, 16, 16\]: give square images"),
        (nn.Conv2d(3, 4, 1), IMAGES, r"gives \[1, 4, 16, 16\].*logits \[B, classes\]"),
        (lambda: 3, IMAGES, "network=int: give an nn.Module"),
    ],
)
def test_modules_that_are_no_classifiers_are_refused(network, images, message):
    with pytest.raises(ConfigError, match=message):
        divide(network, 2, example_input=images)


@pytest.mark.parametrize("network", ["basic_resnet8_8", SMALL])
def test_inheriting_needs_trained_weights(network):
    with pytest.raises(ConfigError, match="needs trained weights"):
        divide(network, 2, initialization="inherit")


class Twice(nn.Module):
    """A network of which two modules are one layer."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        layer = nn.Conv2d(width, width, 3, padding=1)
        self.first, self.second = nn.Sequential(layer, nn.ReLU()), nn.Sequential(layer, nn.ReLU())
        self.classifier = nn.Linear(width, 7)

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.second(self.first(self.stem(images))).mean((2, 3)))


@pytest.mark.parametrize("method", ["constructor", "structural"])
def test_layers_that_share_weights_go_on_sharing_them(tmp_path, method):
    ensemble: Any = divide(Twice, 2, example_input=IMAGES, method=method, seed=0)
    assert ensemble.spec.network.mechanism == method
    large = sum(parameter.numel() for parameter in Twice().parameters())
    assert ensemble.params == pytest.approx(large, rel=0.05)
    ensemble.save(tmp_path)
    loaded: Any = Ensemble.load(tmp_path)
    for network in (*ensemble.networks, *loaded.networks):
        assert network.first[0].weight is network.second[0].weight
    images = torch.randn(2, 3, 16, 16)
    assert torch.equal(loaded(images), ensemble.eval()(images))


def test_a_module_taken_whole_says_that_its_weights_are_not_kept():
    module = small_module()
    with pytest.warns(UserWarning, match="into=1 does not keep the module's weights"):
        fresh = divide(module, 1, example_input=torch.zeros(1, 1, 8, 8), seed=0)
    kept = divide(module, 1, example_input=torch.zeros(1, 1, 8, 8), initialization="inherit")
    own = list(module.state_dict().values())
    assert all(map(torch.equal, kept.state_dict().values(), own))
    assert not all(map(torch.equal, fresh.state_dict().values(), own))


def small_module() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))


def test_one_small_network_alone_is_one_of_the_s():
    alone = divide("basic_resnet8_8", 1, sized_for=4, seed=0)
    four = divide("basic_resnet8_8", 4, seed=0)
    assert alone.spec.network == four.spec.network
    assert (alone.spec.into, alone.spec.is_large) == (1, False)
    assert alone.params * 4 == four.params
    own, other = alone.networks[0].state_dict(), four.networks[0].state_dict()
    assert all(torch.equal(own[name], other[name]) for name in other)
    with pytest.raises(ConfigError, match="needs trained weights"):
        divide(alone, 2, initialization="inherit")
