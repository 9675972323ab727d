"""S networks: their shapes and their independence."""

from dataclasses import dataclass
from itertools import combinations

import pytest
import torch
from torch import Tensor, nn

from cotrain import ConfigError, Ensemble, divide
from cotrain.costs import count_macs, count_params
from cotrain.ensemble_spec import EnsembleSpec
from cotrain.networks import build, registry, spec
from cotrain.seeds import derive_seed, seeded

SMALL = spec("basic_resnet8_8", num_classes=5, in_channels=1, image_size=8)
FAMILIES = ("wide_resnet10_4", "resnet11", "resnext11_8x4d", "basic_resnet8_8")


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
    family = registry.Family(
        name="tokens",
        spec_type=TokenSpec,
        names=(),
        parse=lambda request: None,
        build=TokenNetwork,
        widths=lambda spec: (1, 1),
        divide=lambda spec, into: spec,
        regularization={},
    )
    monkeypatch.setattr(registry, "_FAMILIES", registry._FAMILIES.copy())
    registry.register(family)
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
    ensemble = divide(SMALL, 4, seed=3, initialization="identical")
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
    ensemble = divide("wide_resnet10_2", 2, seed=0)
    assert ensemble.spec.large == spec("wide_resnet10_2")
    assert ensemble.spec.network.planes == 16
    assert (ensemble.spec.into, ensemble.spec.combine) == (2, "mean_logits")


@pytest.mark.parametrize("into", [1, 2, 4])
def test_logits_of_the_same_images_and_of_views(into):
    ensemble = divide(SMALL, into, seed=0).eval()
    images = torch.randn(3, 1, 8, 8)
    logits = ensemble(images)
    assert logits.shape == (into, 3, 5)
    assert torch.equal(ensemble(images.expand(into, -1, -1, -1, -1)), logits)
    views = torch.randn(into, 3, 1, 8, 8)
    expected = [network(view) for network, view in zip(ensemble.networks, views, strict=True)]
    assert torch.equal(ensemble(views), torch.stack(expected))


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 2, 1, 8, 8), (1, 2, 1, 8, 8), (1, 2, 2, 1, 8, 8)])
def test_images_of_another_shape_are_refused(shape):
    ensemble = divide(SMALL, 2, seed=0)
    with pytest.raises(ConfigError, match=r"one view for each of the S=2 networks") as caught:
        ensemble(torch.zeros(shape))
    assert str(list(shape)) in str(caught.value)


def test_gradients_reach_every_network():
    ensemble = divide(SMALL, 3, seed=0)
    ensemble(torch.randn(4, 1, 8, 8)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in ensemble.parameters())
    assert all(network.fc.weight.grad.any() for network in ensemble.networks)


def test_costs_are_of_all_networks():
    ensemble = divide(SMALL, 4, seed=0)
    assert ensemble.params == 4 * count_params(ensemble.networks[0])
    assert ensemble.macs((1, 8, 8)) == 4 * count_macs(ensemble.networks[0], (1, 8, 8))
    assert ensemble.macs(torch.zeros(3, 1, 8, 8)) == ensemble.macs((1, 8, 8))


@pytest.mark.parametrize("seed", [None, 0])
@pytest.mark.parametrize(
    ("network", "into", "message"),
    [
        ("wide_resnet2810", 4, "did you mean wide_resnet28_10"),
        ("resnext29_8x64d", 3, "nearest that works is into=4"),
        (SMALL, 0, "into=0"),
        (SMALL, True, "into=True"),
        (SMALL, 2.0, "into=2.0"),
        (nn.Linear(2, 2), 2, "network=Linear: only names and specs"),
        (42, 1, "no registered family"),
    ],
)
def test_what_cannot_be_divided_is_refused(network, into, message, seed):
    with pytest.raises(ConfigError, match=message):
        divide(network, into, seed=seed)


def test_unknown_initialisation_is_refused():
    with pytest.raises(ConfigError, match=r"initialization='same'.*'independent', 'identical'"):
        divide(SMALL, 2, initialization="same")


def test_the_number_of_networks_is_s():
    described = EnsembleSpec(network=SMALL, into=3, large=SMALL)
    with pytest.raises(ConfigError, match=r"2 given, but spec\.into=3"):
        Ensemble([build(SMALL), build(SMALL)], described)


def test_predict_leaves_modes_and_statistics_alone():
    ensemble = divide(SMALL, 2, seed=0).train()
    ensemble.networks[1].layer1.eval()
    modes = [layer.training for layer in ensemble.modules()]
    state = {name: tensor.clone() for name, tensor in ensemble.state_dict().items()}
    ensemble.predict(torch.randn(4, 1, 8, 8))
    assert [layer.training for layer in ensemble.modules()] == modes
    assert set(modes) == {True, False}
    after = ensemble.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in state.items())


def test_modes_come_back_after_an_error():
    ensemble = divide(SMALL, 2, seed=0).train()
    with pytest.raises(ConfigError):
        ensemble.predict(torch.zeros(1))
    assert all(layer.training for layer in ensemble.modules())
