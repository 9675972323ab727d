"""The moving average: whose weights it takes in, and how soon it forgets the initial ones."""

import copy
from math import prod

import pytest
import torch

from cotrain import Ensemble, divide, networks
from cotrain.training.ema import MovingAverage


@pytest.fixture
def ensemble() -> Ensemble:
    spec = networks.spec("basic_resnet8_4", num_classes=3, in_channels=1, image_size=8)
    return divide(spec, 2, seed=0)


def move(ensemble: Ensemble) -> None:
    with torch.no_grad():
        for parameter in ensemble.parameters():
            parameter.add_(1)


def test_other_networks_are_left_alone(ensemble):
    average = MovingAverage(ensemble, 0.5)
    before = copy.deepcopy(average.state_dict())
    move(ensemble)
    average.update([1], step=0)
    for name, value in average.state_dict().items():
        moved = "networks.1." in name and name.endswith(("weight", "bias"))
        torch.testing.assert_close(value, before[name] + (0.5 if moved else 0))


def test_an_average_is_that_of_the_formula_where_networks_were_moved(ensemble):
    """Lists of tensors that were made before are not those that a move leaves."""
    average = MovingAverage(ensemble, 0.5)
    average.update([0, 1], step=0)
    ensemble.double()
    average.double()
    before = copy.deepcopy(average.state_dict())
    with torch.no_grad():
        for tensor in (*ensemble.parameters(), *ensemble.buffers()):
            tensor.add_(2)
    average.update([0, 1], step=5)
    assert average.decay_at(5) == 0.5
    for name, value in average.state_dict().items():
        share = 0.5 if value.is_floating_point() else 1  # counters are copied
        torch.testing.assert_close(value, before[name] + 2 * share, rtol=0, atol=1e-12)


def test_the_decay_rises_to_its_value(ensemble):
    decays = [MovingAverage(ensemble, 0.99).decay_at(step) for step in (0, 80, 170, 890, 891)]
    assert decays == pytest.approx([0.9, 0.9, 0.95, 0.99, 0.99])
    assert [MovingAverage(ensemble, 0.8).decay_at(step) for step in (0, 1000)] == [0.8, 0.8]


@pytest.mark.parametrize(
    ("steps", "left"),
    [(60, 0.9**60), (200, 0.9**81 * prod(range(82, 91)) / prod(range(201, 210)))],
)
def test_a_short_run_forgets_the_initial_weights(ensemble, steps, left):
    """The share of the start is the product of the decays, most of whose fractions cancel."""
    average = MovingAverage(ensemble, 0.9999)
    start = average.ensemble.networks[0].state_dict()
    before = {name: value.double() for name, value in start.items()}
    move(ensemble)
    for step in range(steps):
        average.update([0], step)
    for name, parameter in average.ensemble.networks[0].named_parameters():
        moved = parameter.double() - before[name]
        torch.testing.assert_close(moved, torch.full_like(moved, 1 - left), rtol=1e-4, atol=1e-5)
    assert left < 0.002
