"""On a GPU: streams, graphs, and the strategies that the CPU has too."""

import copy
import threading
from typing import Any

import pytest
import torch

from cotrain import ConfigError, CoTrainingLoss, divide, networks
from cotrain.execution import Acceleration, choose, prepare, prepare_training

pytestmark = pytest.mark.gpu

STRATEGIES = ["loop", "streams", "cuda_graphs", "stacked", "devices"]


def small():
    shape: dict[str, Any] = {"num_classes": 5, "in_channels": 3, "image_size": 16}
    return divide(networks.spec("basic_resnet8_8", **shape), 3, seed=0).cuda()


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("fold", [False, True])
def test_logits_are_those_of_the_ensemble(strategy, fold):
    ensemble = small()
    expected = copy.deepcopy(ensemble).eval()
    with prepare(ensemble, strategy, acceleration=Acceleration(fold=fold)) as execution:
        for shape in [(2, 3, 16, 16), (5, 3, 16, 16), (2, 3, 16, 16), (3, 2, 3, 16, 16)]:
            images = torch.randn(shape, device="cuda")
            with torch.no_grad():
                wanted = expected(images)
            torch.testing.assert_close(execution(images), wanted, rtol=1e-3, atol=1e-3)


def test_an_answer_of_a_graph_outlives_the_next():
    with prepare(small(), "cuda_graphs") as execution:
        first = execution(torch.zeros(2, 3, 16, 16, device="cuda"))
        kept = first.clone()
        execution(torch.ones(2, 3, 16, 16, device="cuda"))
        assert torch.equal(first, kept)


@pytest.mark.parametrize("strategy", ["streams", "cuda_graphs", "devices"])
def test_gradients_are_those_of_the_loop(strategy):
    views, targets = torch.randn(3, 4, 3, 16, 16).cuda(), torch.arange(4).cuda()
    gradients = []
    for name in ("loop", strategy):
        ensemble = small().train()
        with prepare_training(ensemble, name) as execution:
            logits = execution.forward(views)
            CoTrainingLoss()(logits, targets, weight=0.5).total.backward()
            execution.backward()
        gradients.append([parameter.grad for parameter in ensemble.parameters()])
    for own, other in zip(*gradients, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_steps_of_graphs_are_those_of_the_loop(dtype):
    torch.manual_seed(0)
    batches = [torch.randn(3, size, 3, 16, 16).cuda() for size in (4, 4, 2, 4)]
    found = []
    for name in ("loop", "cuda_graphs"):
        ensemble, losses = small().train(), []
        optimizer = torch.optim.SGD(ensemble.parameters(), lr=0.05, momentum=0.9)
        with prepare_training(ensemble, name) as execution:
            for views in batches:
                targets = torch.arange(views.shape[1]).cuda()
                with torch.autocast("cuda", dtype, enabled=dtype != torch.float32):
                    logits = execution.forward(views)
                    loss = CoTrainingLoss()(logits, targets, weight=0.5).total
                optimizer.zero_grad()
                loss.backward()
                execution.backward()
                optimizer.step()
                losses.append(loss.item())
        statistics = [each for each in ensemble.buffers() if each.is_floating_point()]
        counts = [each.item() for each in ensemble.buffers() if not each.is_floating_point()]
        assert set(counts) == {len(batches)}
        found.append((torch.tensor(losses), *statistics, *ensemble.parameters()))
    close = 1e-3 if dtype == torch.float32 else 5e-2
    for own, other in zip(*found, strict=True):
        torch.testing.assert_close(own, other, rtol=close, atol=close)


def test_a_strategy_is_chosen():
    choice = choose(small(), (2, 3, 16, 16), remember=False, rounds=3)
    assert choice.timings["loop"] > 0
    assert choice.strategy in STRATEGIES


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_a_graph_of_inference_mode_answers_in_every_mode(mode):
    ensemble, images = small(), torch.randn(2, 3, 16, 16, device="cuda")
    with prepare(ensemble, "cuda_graphs") as execution:
        with torch.inference_mode():
            first = execution(images).clone()
        with mode():
            assert torch.equal(execution(images), first)


@pytest.mark.parametrize("strategy", ["streams", "cuda_graphs", "devices"])
def test_callers_on_several_streams_get_their_own_answers(strategy):
    ensemble, images = small(), torch.randn(20, 2, 3, 16, 16, device="cuda")
    own = [torch.cuda.Stream() for _ in range(4)]
    with prepare(ensemble, strategy) as execution:
        expected = [execution(each).clone() for each in images]
        torch.cuda.synchronize()
        answers = []
        for index, each in enumerate(images):
            with torch.cuda.stream(own[index % 4]):
                answers.append(execution(each))
        torch.cuda.synchronize()
        assert all(map(torch.equal, answers, expected))


def test_capturing_beside_a_thread_that_pins_memory():
    stop = threading.Event()

    def pin():
        while not stop.is_set():
            torch.zeros(1000).pin_memory()

    thread = threading.Thread(target=pin)
    thread.start()
    try:
        with prepare(small(), "cuda_graphs") as execution:
            for size in (1, 2, 3):
                images = torch.randn(size, 3, 16, 16, device="cuda")
                assert torch.equal(execution(images), execution(images))
    finally:
        stop.set()
        thread.join()


def test_networks_that_wait_are_refused_and_spoil_nothing():
    class Waits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(1))

        def forward(self, images):
            return images.mean((2, 3)) * self.scale.item()

    images = torch.randn(2, 3, 16, 16, device="cuda")
    execution = prepare([Waits().cuda()], "cuda_graphs")
    with pytest.raises(ConfigError, match="network 0 waits for the GPU"):
        execution(images)
    execution.close()
    with prepare(small(), "cuda_graphs") as execution:
        assert execution(images).isfinite().all()
