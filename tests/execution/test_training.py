"""Training side by side gives the loop's logits, gradients and statistics."""

import copy
import threading

import pytest
import torch
from of_networks import gradient_of
from torch import nn

from cotrain import ConfigError, CoTrainingLoss, divide, networks
from cotrain.execution import NetworkError, prepare_training

SHAPE = {"num_classes": 5, "in_channels": 3, "image_size": 16}


def small(into=3, **changes):
    return divide(networks.spec("basic_resnet8_8", **SHAPE, **changes), into, seed=0).train()


def batch(into=3):
    torch.manual_seed(0)
    return torch.randn(into, 4, 3, 16, 16), torch.tensor([0, 1, 2, 3])


def step(execution, before=None):
    views, targets = batch()
    logits = execution.forward(views, before)
    CoTrainingLoss()(logits, targets, weight=0.5).total.backward()
    execution.backward()
    return logits.detach()


@pytest.mark.parametrize("strategy", ["loop", "threads", "devices"])
def test_gradients_and_statistics_are_those_of_plain_autograd(strategy):
    plain, ensemble = small(), small()
    views, targets = batch()
    expected = plain(views)
    CoTrainingLoss()(expected, targets, weight=0.5).total.backward()
    with prepare_training(ensemble, strategy) as execution:
        logits = step(execution)
        assert execution.name == strategy
    assert torch.equal(logits, expected)
    for own, other in zip(ensemble.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(own.grad, other.grad, rtol=1e-6, atol=1e-7)
    for own, other in zip(ensemble.buffers(), plain.buffers(), strict=True):
        assert torch.equal(own, other)


def test_two_steps_add_their_gradients():
    once, twice = small(), small()
    for network in once.modules():
        if isinstance(network, nn.BatchNorm2d):
            network.momentum = 0.0
    with prepare_training(once, "threads", workers=2) as execution:
        step(execution)
    with prepare_training(twice, "threads", workers=2) as execution:
        step(execution)
        step(execution)
    for one, two in zip(once.parameters(), twice.parameters(), strict=True):
        torch.testing.assert_close(gradient_of(two), 2 * gradient_of(one))


def test_autocast_reaches_the_forward_passes():
    plain, ensemble = small(), small()
    views, _ = batch()
    with prepare_training(ensemble, "threads") as execution, torch.autocast("cpu", torch.bfloat16):
        logits, expected = execution.forward(views), plain(views)
    assert logits.dtype == torch.bfloat16
    assert torch.equal(logits, expected)


@pytest.mark.parametrize("strategy", ["loop", "threads"])
def test_each_network_is_announced_in_order(strategy):
    seen = []
    with prepare_training(small(), strategy) as execution:
        step(execution, seen.append)
    assert seen == [0, 1, 2]


def test_dropout_is_refused_in_threads_and_drawn_as_ever_in_the_loop():
    ensemble = small(dropout=0.5)
    views, _ = batch()

    def seed(index):
        torch.manual_seed(100 + index)

    with prepare_training(copy.deepcopy(ensemble), "loop") as execution:
        logits = execution.forward(views, seed)
    for index, network in enumerate(ensemble.networks):
        torch.manual_seed(100 + index)
        assert torch.equal(logits[index], network(views[index]))
    with (
        prepare_training(ensemble, "threads") as execution,
        pytest.raises(ConfigError, match=r"draws random numbers.*use strategy='loop'"),
    ):
        execution.forward(views, seed)


def test_without_gradients_nothing_is_left_to_do():
    ensemble = small()
    with prepare_training(ensemble, "threads") as execution, torch.no_grad():
        assert not execution.forward(batch()[0]).requires_grad
        execution.backward()
    assert all(parameter.grad is None for parameter in ensemble.parameters())


class Faulty(nn.Module):
    """Fails going forward on bright images, going backward on dark ones."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, images):
        if float(images.max()) > 1:
            raise ValueError("too bright")
        logits = images.mean((2, 3)) * self.weight
        if float(images.max()) < 0:
            logits.register_hook(self.fail)
        return logits

    @staticmethod
    def fail(_):
        raise ValueError("too dark")


def test_failures_name_the_network_and_the_execution_goes_on():
    before = set(threading.enumerate())
    faulty = [Faulty() for _ in range(3)]
    good = torch.zeros(3, 2, 3, 4, 4)
    bright, dark = good.clone(), good.clone()
    bright[1], dark[2] = 2, -1
    with prepare_training(faulty, "threads", workers=2) as execution:
        with pytest.raises(NetworkError, match=r"^network 1: too bright"):
            execution.forward(bright)
        execution.forward(dark).sum().backward()
        with pytest.raises(NetworkError, match=r"^network 2: too dark"):
            execution.backward()
        execution.forward(good + 0.5).sum().backward()
        execution.backward()
        # Once from the dark step, which network 2 did not finish, and once from this one.
    assert [gradient_of(network.weight).item() for network in faulty] == [3.0, 3.0, 3.0]
    assert set(threading.enumerate()) <= before


def test_backward_comes_after_the_loss():
    with prepare_training(small(), "threads") as execution:
        execution.forward(batch()[0])
        with pytest.raises(ConfigError, match=r"call that first"):
            execution.backward()


@pytest.mark.parametrize(
    ("strategy", "message"), [("stacked", "cannot train"), ("streams", "one CUDA device")]
)
def test_what_cannot_train_is_refused(strategy, message):
    with pytest.raises(ConfigError, match=message):
        prepare_training(small(), strategy)
