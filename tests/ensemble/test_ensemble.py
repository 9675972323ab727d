"""S networks: the shapes of their answers, their costs, their modes."""

from typing import Any

import pytest
import torch

from cotrain import ConfigError, Ensemble, divide
from cotrain.ensemble.spec import EnsembleSpec
from cotrain.networks import build, spec
from cotrain.networks.costs import count_macs, count_params

SMALL = spec("basic_resnet8_8", num_classes=5, in_channels=1, image_size=8)


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
@pytest.mark.usefixtures("unchecked")
def test_images_of_another_shape_are_refused(shape):
    ensemble = divide(SMALL, 2, seed=0)
    with pytest.raises(ConfigError, match=r"one view for each of the S=2 networks") as caught:
        ensemble(torch.zeros(shape))
    assert str(list(shape)) in str(caught.value)


def test_gradients_reach_every_network():
    ensemble: Any = divide(SMALL, 3, seed=0)
    ensemble(torch.randn(4, 1, 8, 8)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in ensemble.parameters())
    assert all(network.fc.weight.grad.any() for network in ensemble.networks)


def test_costs_are_of_all_networks():
    ensemble = divide(SMALL, 4, seed=0)
    assert ensemble.params == 4 * count_params(ensemble.networks[0])
    assert ensemble.macs((1, 8, 8)) == 4 * count_macs(ensemble.networks[0], (1, 8, 8))
    assert ensemble.macs(torch.zeros(3, 1, 8, 8)) == ensemble.macs((1, 8, 8))


def test_the_number_of_networks_is_s():
    described = EnsembleSpec.of_equal(SMALL, 3, large=SMALL)
    with pytest.raises(ConfigError, match=r"2 given, but spec\.into=3"):
        Ensemble([build(SMALL), build(SMALL)], described)


def test_predict_leaves_modes_and_statistics_alone():
    ensemble: Any = divide(SMALL, 2, seed=0).train()
    ensemble.networks[1].layer1.eval()
    modes = [layer.training for layer in ensemble.modules()]
    state = {name: tensor.clone() for name, tensor in ensemble.state_dict().items()}
    ensemble.predict(torch.randn(4, 1, 8, 8))
    assert [layer.training for layer in ensemble.modules()] == modes
    assert set(modes) == {True, False}
    after = ensemble.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in state.items())


@pytest.mark.usefixtures("unchecked")
def test_modes_come_back_after_an_error():
    ensemble = divide(SMALL, 2, seed=0).train()
    with pytest.raises(ConfigError):
        ensemble.predict(torch.zeros(1))
    assert all(layer.training for layer in ensemble.modules())
