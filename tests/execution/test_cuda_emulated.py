"""What CUDA graphs do beside CUDA: sizes, memory that is kept, modes and turns; on the CPU."""

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from cotrain import Ensemble, divide, networks
from cotrain.execution import cuda

INTO = 2


class Graph(NamedTuple):
    """Computes from the same tensors into the same tensor, as a graph does."""

    ensemble: Ensemble
    static: Sequence[Tensor]
    logits: Tensor

    def replay(self) -> None:
        with torch.inference_mode():
            self.logits.copy_(self.ensemble(torch.stack(list(self.static))))


class Stream(NamedTuple):
    device: torch.device
    log: list[str]

    def wait_event(self, event: Any) -> None:
        self.log.append("wait")


class Event:
    def record(self, stream: Stream) -> None:
        stream.log.append("record")


@pytest.fixture
def ensemble() -> Ensemble:
    spec = networks.spec("basic_resnet8_4", num_classes=3, in_channels=1, image_size=8)
    return divide(spec, INTO, seed=0).eval()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens, in order."""
    happened: list[str] = []
    stream = Stream(torch.device("cpu"), happened)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: None)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: stream)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    return happened


@pytest.fixture
def graphs(ensemble: Ensemble, log: list[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    def capture(self: Any, inputs: list[Tensor], static: Sequence[Tensor]) -> Any:
        log.append(f"capture {len(inputs[0])}")
        with torch.no_grad():
            logits = ensemble(torch.stack(list(static)))
        graph: Any = Graph(ensemble, static, logits)
        return cuda._Captured(graph=graph, inputs=inputs, logits=logits)

    monkeypatch.setattr(cuda._Graphs, "_captured_on_side", capture)
    made: Any = cuda._Graphs
    return made(list(ensemble.networks), [], [Stream(torch.device("cpu"), [])])


def captures(log: list[str]) -> list[str]:
    return [line.removeprefix("capture ") for line in log if line.startswith("capture")]


@pytest.mark.filterwarnings("ignore:batch sizes")
def test_few_graphs_answer_any_batch_size(ensemble, graphs, log) -> None:
    for size in [*range(1, 21), *range(20, 0, -1)]:
        images = torch.randn(size, 1, 8, 8)
        with torch.no_grad():
            torch.testing.assert_close(graphs([images] * INTO), ensemble(images))
            views = torch.randn(INTO, size, 1, 8, 8)
            torch.testing.assert_close(graphs(list(views)), ensemble(views))
    # One for all and one each, of 1, 2, 3, 4, 8, 16 and 32: eight are kept, so some come again.
    assert set(captures(log)) == {"1", "2", "3", "4", "8", "16", "32"}
    assert len(graphs._captured._values) == 8


def test_the_first_call_may_be_in_inference_mode_and_the_next_not(ensemble, graphs) -> None:
    images = torch.randn(2, 1, 8, 8)
    with torch.inference_mode():
        first = graphs([images] * INTO)
        given = images.clone()  # can be written to in this mode alone
        assert torch.equal(graphs([given] * INTO), first)
    assert torch.equal(graphs([images] * INTO), first)
    with torch.no_grad():
        torch.testing.assert_close(first.clone(), ensemble(images))


def test_every_call_waits_for_the_one_before(graphs, log) -> None:
    for _ in range(2):
        graphs([torch.randn(2, 1, 8, 8)] * INTO)
    assert log == ["capture 2", "wait", "record", "wait", "record"]


def test_threads_take_turns(ensemble, graphs) -> None:
    images = torch.randn(8, 2, 1, 8, 8)
    answers: list[Tensor] = [torch.empty(0)] * len(images)

    def ask(index: int) -> None:
        for _ in range(5):
            answers[index] = graphs([images[index]] * INTO)

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(len(images))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with torch.no_grad():
        for own, answer in zip(images, answers, strict=True):
            torch.testing.assert_close(answer, ensemble(own))


def test_a_failed_capture_leaves_a_pool_that_the_next_does_not_use(graphs, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: "fresh")

    def fail(*_: object) -> None:
        raise RuntimeError("capture")

    monkeypatch.setattr(cuda._Graphs, "_captured_on_side", fail)
    with pytest.raises(RuntimeError, match="capture"):
        graphs([torch.randn(2, 1, 8, 8)] * INTO)
    assert graphs._pool == "fresh"
    assert not graphs._captured._values
