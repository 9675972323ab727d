"""What graphs of a training step do beside CUDA, on the CPU: a graph works on fixed memory."""

import copy
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from of_networks import gradient_of
from torch import Tensor, nn

from cotrain import ConfigError, CoTrainingLoss, divide, networks
from cotrain.execution import TrainingExecution, prepare_training, training_graphs
from cotrain.execution.training_graphs import Captured, GraphedNetwork, laid_out

INTO = 2


@dataclass
class Forward:
    """Runs the network of the moment of its capture, from the same memory into the same memory."""

    network: nn.Module
    view: Tensor
    logits: Tensor
    found: Tensor | None = None

    def replay(self) -> None:
        with torch.enable_grad():
            self.found = found = self.network(self.view)
        self.logits.copy_(found.detach())


@dataclass
class Backward:
    ahead: Forward
    gradient: Tensor
    parameters: list[Tensor]
    gradients: list[Tensor]

    def replay(self) -> None:
        assert self.ahead.found is not None
        made = torch.autograd.grad(self.ahead.found, self.parameters, self.gradient)
        for own, other in zip(self.gradients, made, strict=True):
            own.copy_(other)


@pytest.fixture
def captures(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes that graphs were captured for."""
    shapes: list[tuple[int, ...]] = []

    def capture(network: Any, view: Tensor) -> Captured:
        shapes.append(tuple(view.shape))
        for _ in range(2):
            network(view)
        logits = network(view).detach()
        parameters = [each for each in network.parameters() if each.requires_grad]
        gradient, gradients = torch.zeros_like(logits), [torch.zeros_like(p) for p in parameters]
        ahead = Forward(network, view, logits)
        back = Backward(ahead, gradient, parameters, gradients)
        return Captured(
            forward=ahead,
            backward=back,
            view=view,
            logits=logits,
            gradient=gradient,
            parameters=parameters,
            gradients=gradients,
        )

    monkeypatch.setattr(training_graphs, "captured_on_side", capture)
    return shapes


def small(**changes: Any) -> Any:
    shape: dict[str, Any] = {"num_classes": 5, "in_channels": 3, "image_size": 8}
    return divide(networks.spec("basic_resnet8_8", **shape, **changes), INTO, seed=0).train()


def graphed(ensemble: Any) -> TrainingExecution:
    graphs = [GraphedNetwork(index, each) for index, each in enumerate(ensemble.networks)]
    return TrainingExecution("cuda_graphs", list(ensemble.networks), graphs=graphs)


def batch(size: int) -> tuple[Tensor, Tensor]:
    return torch.randn(INTO, size, 3, 8, 8), torch.arange(size) % 5


def step(execution: TrainingExecution, views: Tensor, targets: Tensor) -> Tensor:
    logits = execution.forward(views)
    CoTrainingLoss()(logits, targets, weight=0.5).total.backward()
    execution.backward()
    return logits.detach()


def test_steps_are_those_of_the_loop(captures: list[tuple[int, ...]]) -> None:
    ensemble = small()
    plain = copy.deepcopy(ensemble)
    pairs = [(graphed(ensemble), ensemble), (prepare_training(plain, "loop"), plain)]
    optimizers = [torch.optim.SGD(each.parameters(), lr=0.1) for _, each in pairs]
    for size in (4, 4, 2, 4):  # the third is the last of an epoch
        views, targets = batch(size)
        own, other = (step(execution, views, targets) for execution, _ in pairs)
        assert torch.equal(own, other)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    assert captures == [(4, 3, 8, 8)] * INTO
    for name, value in ensemble.state_dict().items():  # statistics of four steps, and no more
        assert torch.equal(value, plain.state_dict()[name]), name


def test_gradients_of_two_batches_add_up(captures: list[tuple[int, ...]]) -> None:
    ensemble = small()
    plain = copy.deepcopy(ensemble)
    batches = [batch(4), batch(4)]
    for execution in (graphed(ensemble), prepare_training(plain, "loop")):
        for each in batches:
            step(execution, *each)
    for own, other in zip(ensemble.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(gradient_of(own), gradient_of(other))


def test_a_gradient_is_the_memory_of_the_graph_until_another_is_added(
    captures: list[tuple[int, ...]],
) -> None:
    """What autograd would do for each parameter takes longer than the graph itself."""
    ensemble = small()
    execution = graphed(ensemble)
    places = []
    for _ in range(2):
        step(execution, *batch(4))
        places.append([gradient_of(each).data_ptr() for each in ensemble.parameters()])
        ensemble.zero_grad()
    assert places[0] == places[1]
    for _ in range(3):
        step(execution, *batch(4))
    found = [gradient_of(each).data_ptr() for each in ensemble.parameters()]
    assert not set(found) & set(places[0])


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_gradient_has_the_layout_of_its_parameter(layout: torch.memory_format) -> None:
    gradient = torch.randn(4, 3, 5, 5).contiguous(memory_format=torch.channels_last)
    parameter = torch.randn(4, 3, 5, 5).contiguous(memory_format=layout)
    found = laid_out(gradient, parameter)
    assert found is not None
    assert found.stride() == parameter.stride()
    assert torch.equal(found, gradient)
    assert laid_out(None, parameter) is None


def freeze(ensemble: Any) -> None:
    next(ensemble.networks[0].parameters()).requires_grad_(False)


def keep_statistics(ensemble: Any) -> None:
    next(each for each in ensemble.networks[0].modules() if isinstance(each, nn.BatchNorm2d)).eval()


def move(ensemble: Any) -> None:
    parameter = next(ensemble.networks[0].parameters())
    parameter.data = parameter.data.clone()


@pytest.mark.parametrize("change", [freeze, keep_statistics, move])
def test_what_a_graph_holds_fixed_may_change(captures: list[tuple[int, ...]], change: Any) -> None:
    ensemble = small()
    execution = graphed(ensemble)
    step(execution, *batch(4))
    change(ensemble)
    plain = copy.deepcopy(ensemble)
    for each in (ensemble, plain):
        each.zero_grad()
    views, targets = batch(4)
    own, other = step(execution, views, targets), step(graphed(plain), views, targets)
    assert torch.equal(own, other)
    assert len(captures) == INTO + 1 + INTO  # the changed network, and the others
    for one, two in zip(ensemble.parameters(), plain.parameters(), strict=True):
        assert (one.grad is None) == (two.grad is None)
        if one.grad is not None:
            torch.testing.assert_close(one.grad, two.grad)


def test_a_larger_batch_is_captured_and_no_gradient_needs_no_graph(
    captures: list[tuple[int, ...]],
) -> None:
    execution = graphed(small())
    with torch.no_grad():
        execution.forward(batch(2)[0])
    assert captures == []
    for size in (2, 4, 2):
        step(execution, *batch(size))
    assert captures == [(2, 3, 8, 8)] * INTO + [(4, 3, 8, 8)] * INTO


def test_a_forward_pass_too_many_is_no_wrong_gradient(captures: list[tuple[int, ...]]) -> None:
    execution = graphed(small())
    views, _ = batch(4)
    first = execution.forward(views)
    execution.forward(views)
    with pytest.raises(RuntimeError, match="ran forward again before it ran backward"):
        first.sum().backward()


class Draws(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return torch.nn.functional.dropout(images, 0.5, self.training)


class Waits(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images / images.max().item()


def hooked_parameter() -> nn.Module:
    layer = nn.BatchNorm2d(3)
    layer.bias.register_post_accumulate_grad_hook(lambda _: None)
    return layer


def hooked() -> nn.Module:
    layer = nn.Identity()
    layer.register_forward_hook(lambda *_: None)
    return layer


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            Draws(),
            r"a network draws random numbers .* a graph would repeat .*: use strategy='loop'$",
        ),
        (Waits(), r"network 1 waits for the GPU \(aten._local_scalar_dense.*: use 'streams' or"),
        (hooked(), "network 1 has a hook on 0, which no graph can hold: use 'streams' or 'loop'$"),
        (hooked_parameter(), r"network 1 has a hook on 0\.bias, which no graph can hold"),
    ],
)
def test_what_no_graph_can_hold_is_one_line(
    captures: list[tuple[int, ...]], layer: nn.Module, message: str
) -> None:
    plain = nn.Sequential(nn.Flatten(), nn.Linear(192, 5))
    other = nn.Sequential(layer, nn.Flatten(), nn.Linear(192, 5))
    graphs = [GraphedNetwork(0, plain), GraphedNetwork(1, other)]
    execution = TrainingExecution("cuda_graphs", [plain, other], graphs=graphs)
    with pytest.raises(ConfigError, match=message):
        execution.forward(batch(4)[0])
    assert len(captures) == 1


def test_a_hook_of_later_is_not_left_out(captures: list[tuple[int, ...]]) -> None:
    ensemble = small()
    execution = graphed(ensemble)
    step(execution, *batch(4))
    next(ensemble.networks[1].parameters()).register_hook(lambda gradient: gradient)
    with pytest.raises(ConfigError, match="network 1 has a hook on"):
        step(execution, *batch(4))


def test_without_a_gpu_there_are_no_graphs() -> None:
    with pytest.raises(ConfigError, match=r"strategy='cuda_graphs': .* it needs them on one CUDA"):
        prepare_training(small(), "cuda_graphs")
