"""Folding, layout and compiling: same answers, untouched networks, said fallbacks."""

import shutil
from typing import Any

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounter
from torch.nn.utils import parametrizations

from cotrain.execution import Acceleration, prepare
from cotrain.execution.acceleration import accelerated, evaluation_copy
from cotrain.execution.folding import folded


def norm(channels):
    layer: Any = nn.BatchNorm2d(channels)
    layer.running_mean.normal_()
    layer.running_var.uniform_(0.5, 2)
    return layer


class Net(nn.Module):
    """conv - BN - ReLU - conv - BN; the second pair is optional and shares the first's layers."""

    def __init__(self, shared=False):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 3, 3, padding=1), norm(3)
        self.conv2 = self.conv1 if shared else nn.Conv2d(3, 3, 3, padding=1)
        self.bn2 = norm(3)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        return self.bn2(self.conv2(x)).mean((2, 3))


class Untraceable(Net):
    def forward(self, x):
        return super().forward(x) if x.sum() > -1e9 else x


def norms(network):
    return sum(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())


def images():
    torch.manual_seed(0)
    return torch.randn(2, 3, 8, 8)


def test_folding_takes_the_norms_away_and_keeps_the_answers():
    network = Net().eval()
    wanted = network(images())
    graph = folded(evaluation_copy(network, lambda tensor: tensor))
    assert (norms(graph), norms(network)) == (0, 2)
    torch.testing.assert_close(graph(images()), wanted, rtol=1e-5, atol=1e-6)


def test_a_convolution_called_twice_is_not_folded():
    network = Net(shared=True).eval()
    graph = folded(evaluation_copy(network, lambda tensor: tensor))
    assert norms(graph) == 2
    assert torch.equal(graph(images()), network(images()))


@pytest.mark.parametrize("normed", [parametrizations.weight_norm, parametrizations.orthogonal])
def test_a_convolution_whose_weights_are_computed_is_not_folded(normed):
    network = Net().eval()
    normed(network.conv1)
    graph = folded(evaluation_copy(network, lambda tensor: tensor))
    assert norms(graph) == 1
    torch.testing.assert_close(graph(images()), network(images()), rtol=1e-5, atol=1e-6)


def test_hooks_of_layers_and_of_the_network_go_on_changing_answers():
    network = Net().eval()
    plain = network(images())
    network.bn2.register_forward_hook(lambda *call: 2 * call[-1])
    graph = folded(evaluation_copy(network, lambda tensor: tensor))
    assert norms(graph) == 1
    torch.testing.assert_close(graph(images()), 2 * plain, rtol=1e-5, atol=1e-6)
    network.register_forward_hook(lambda *call: 3 * call[-1])
    with pytest.warns(UserWarning, match="fold: Net has hooks"):
        whole = folded(evaluation_copy(network, lambda tensor: tensor))
    torch.testing.assert_close(whole(images()), 6 * plain, rtol=1e-5, atol=1e-6)


def test_a_network_that_cannot_be_traced_stays_whole_and_says_so():
    network = Untraceable().eval()
    with pytest.warns(UserWarning, match="fold: Untraceable cannot be traced"):
        execution = prepare([network], "loop", acceleration=Acceleration(fold=True))
    assert torch.equal(execution(images())[0], network(images()))


def test_a_copy_shares_the_memory_of_what_does_not_change():
    network = Net()
    shared = evaluation_copy(network, lambda tensor: tensor)
    pairs = zip(network.state_dict().values(), shared.state_dict().values(), strict=True)
    assert all(own.data_ptr() == other.data_ptr() for own, other in pairs)
    assert network.training
    assert not shared.training
    assert not any(parameter.requires_grad for parameter in shared.parameters())


def test_images_reach_the_network_in_the_layout():
    seen = []

    class Look(Net):
        def forward(self, x):
            seen.append(
                [
                    tensor.is_contiguous(memory_format=torch.channels_last)
                    for tensor in (x, self.conv1.weight)
                ]
            )
            return super().forward(x)

    accelerated(Look(), Acceleration(channels_last=True))(images())
    assert seen == [[True, True]]


def test_where_the_compiler_fails_the_network_runs_as_it_is(monkeypatch):
    def broken(network, **_):
        def run(_):
            raise RuntimeError("no compiler\nsecond line")

        return run

    monkeypatch.setattr(torch, "compile", broken)
    network = Net().eval()
    execution = prepare([network], "threads", acceleration=Acceleration(compile=True))
    with pytest.warns(UserWarning, match=r"compile: not possible here \(no compiler\)"):
        logits = execution(images())
    assert torch.equal(logits[0], network(images()))
    assert torch.equal(execution(images()), logits)  # without a second warning
    execution.close()


@pytest.mark.filterwarnings("ignore:batch sizes")
def test_any_number_of_batch_sizes_is_compiled_for_few(monkeypatch):
    """From the ninth on torch would run eagerly without a word; answers are the same."""
    torch._dynamo.reset()
    counter, compiler = CompileCounter(), torch.compile
    monkeypatch.setattr(
        torch,
        "compile",
        lambda module, dynamic, **_: compiler(module, backend=counter, dynamic=dynamic),
    )
    network = Net().eval()
    draw = torch.Generator().manual_seed(0)
    with prepare([network], "loop", acceleration=Acceleration(compile=True)) as execution:
        for size in [*range(1, 21), *range(20, 0, -1)]:
            some = torch.randn(size, 3, 8, 8, generator=draw)
            torch.testing.assert_close(execution(some)[0], network(some), rtol=1e-5, atol=1e-6)
        assert counter.frame_count == 7  # 1, 2, 3, 4; 8, 16, 32
        for size in (65, 129):
            execution(torch.zeros(size, 3, 8, 8))
    assert counter.frame_count == 9


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_compiled_networks_in_threads_answer_the_same():
    whole = Acceleration(channels_last=True, fold=True, compile=True)
    network = Net().eval()
    with prepare([network, network], "threads", acceleration=whole, workers=2) as execution:
        wanted = torch.stack([network(images())] * 2)
        for _ in range(2):
            torch.testing.assert_close(execution(images()), wanted, rtol=1e-4, atol=1e-5)


def test_a_name_lists_what_is_used():
    assert str(Acceleration()) == "as it is"
    assert str(Acceleration(channels_last=True, compile=True)) == "channels_last + compile"
