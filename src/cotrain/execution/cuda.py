"""Strategies of one CUDA device: a stream for each network, and whole captured graphs."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.ensemble.ensemble import device_of
from cotrain.execution.acceleration import Acceleration, accelerated, evaluation_copy
from cotrain.execution.capturable import check_capturable
from cotrain.execution.execution import Execution, Network, ask
from cotrain.execution.sizes import Recent, Sizes, padded

# What torch asks for before a capture: libraries choose and allocate in the first runs.
WARM_UP = 3
# Graphs that are kept: each holds the memory of a forward pass that no other one can use.
_MOST = 8

_CAPTURING = threading.Lock()


def streams(networks: Sequence[nn.Module], acceleration: Acceleration) -> Execution:
    """Each network on a stream of its own, so that small kernels run side by side."""
    ready, own = _ready("streams", networks, acceleration)
    return Execution("streams", networks, partial(on_streams, ready, own))


def cuda_graphs(networks: Sequence[nn.Module], acceleration: Acceleration) -> Execution:
    """The whole of ``streams`` captured once for each shape, then replayed without Python."""
    ready, own = _ready("cuda_graphs", networks, acceleration)
    graphs = _Graphs(
        [evaluation_copy(network, lambda tensor: tensor) for network in networks], ready, own
    )
    return Execution("cuda_graphs", networks, graphs, close=graphs.clear)


def make_streams(strategy: str, networks: Sequence[nn.Module]) -> list[torch.cuda.Stream]:
    """A stream for each network, on the one device that holds them all."""
    places = {tensor.device for network in networks for tensor in network.parameters()}
    if {place.type for place in places} != {"cuda"} or len(places) > 1:
        raise ConfigError(
            f"strategy={strategy!r}: the networks are on {sorted(map(str, places))}, and it needs "
            "them on one CUDA device: use 'loop' or 'threads'"
        )
    return [torch.cuda.Stream(device_of(networks)) for _ in networks]


def _ready(
    strategy: str, networks: Sequence[nn.Module], how: Acceleration
) -> tuple[list[Network], list[torch.cuda.Stream]]:
    own = make_streams(strategy, networks)
    return [accelerated(network, how) for network in networks], own


def on_streams(
    networks: Sequence[Network], own: Sequence[torch.cuda.Stream], views: Sequence[Tensor]
) -> Tensor:
    """Logits [S, B, C], ready for the current stream.

    Every stream waits for the current one, and that for all of them, so that memory of the views
    can be used again in stream order. Logits are of another stream than the one that stacks them,
    which is recorded: the next call may come from yet another.
    """
    current = torch.cuda.current_stream(own[0].device)
    logits = []
    try:
        for index, (network, stream, view) in enumerate(zip(networks, own, views, strict=True)):
            stream.wait_stream(current)
            with torch.cuda.stream(stream):
                logits.append(ask(index, network, view))
    finally:
        for stream in own:
            current.wait_stream(stream)
    stacked = torch.stack(logits)
    if not torch.cuda.is_current_stream_capturing():
        for each in logits:
            each.record_stream(current)
    return stacked


@dataclass(frozen=True, kw_only=True)
class _Captured:
    """A graph that computes logits [S, B, C] from the inputs, all of which stay where they are."""

    graph: torch.cuda.CUDAGraph
    inputs: list[Tensor]
    logits: Tensor


class _Graphs:
    """Captured graphs, one for each shape, in one pool of memory.

    Calls may come from any thread and stream: they take turns, in stream order too.

    Args:
        networks: In evaluation mode, and not accelerated.
        ready: What is captured.
        own: Their streams.
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        ready: Sequence[Network],
        own: Sequence[torch.cuda.Stream],
    ) -> None:
        self._networks = networks
        self._forward = partial(on_streams, ready, own)
        self._device = own[0].device
        self._pool = torch.cuda.graph_pool_handle()
        self._sizes = Sizes(networks)
        self._captured: Recent[_Captured] = Recent(_MOST)
        self._turn = threading.Lock()
        self._last = torch.cuda.Event()

    def __call__(self, views: Sequence[Tensor]) -> Tensor:
        given = _distinct(views)
        with self._turn:
            size = self._sizes.of(given[0])
            key = _kind(given, size)
            captured = self._captured.get(key, lambda: self._capture(given, len(views), size))
            return self._replay(captured, given)

    def _replay(self, captured: _Captured, given: Sequence[Tensor]) -> Tensor:
        current, count = torch.cuda.current_stream(self._device), len(given[0])
        current.wait_event(self._last)  # the last call may have come from another stream
        for static, view in zip(captured.inputs, given, strict=True):
            static[:count].copy_(view)
        captured.graph.replay()
        logits = captured.logits[:, :count].clone()
        self._last.record(current)
        return logits

    def _capture(self, given: Sequence[Tensor], into: int, size: int) -> _Captured:
        inputs = static_inputs(given, size)
        static = inputs if len(inputs) == into else inputs * into
        with capturing():
            check_capturable(self._networks, static)
            try:
                return self._captured_on_side(inputs, static)
            except Exception:
                self._pool = torch.cuda.graph_pool_handle()
                raise

    def _captured_on_side(self, inputs: list[Tensor], static: Sequence[Tensor]) -> _Captured:
        side = torch.cuda.Stream(self._device)
        side.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                self._forward(static)
        torch.cuda.current_stream(self._device).wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        # Other threads, such as those that pin memory, may do there what a capture cannot hold.
        mode = "thread_local"
        with torch.cuda.graph(graph, pool=self._pool, stream=side, capture_error_mode=mode):
            logits = self._forward(static)
        return _Captured(graph=graph, inputs=inputs, logits=logits)

    def clear(self) -> None:
        """Free the graphs and their memory."""
        with self._turn:
            self._captured.clear()


def static_inputs(views: Sequence[Tensor], size: int) -> list[Tensor]:
    """Copies of the views, padded, that can be written to in inference mode and outside of it."""
    with torch.inference_mode(False), torch.no_grad():
        return [padded(view.clone(), size) for view in views]


@contextmanager
def capturing() -> Iterator[None]:
    """One capture at a time; a weight that autocast converts must be converted in the graph, not
    found in a cache."""
    kept = torch.is_autocast_cache_enabled()
    with _CAPTURING:
        torch.set_autocast_cache_enabled(False)
        try:
            yield
        finally:
            torch.set_autocast_cache_enabled(kept)


def autocast_type() -> torch.dtype | None:
    """What autocast computes in on a GPU; None where there is none."""
    return torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else None


def _distinct(views: Sequence[Tensor]) -> list[Tensor]:
    """The one tensor that all networks share, or all views."""
    return [views[0]] if all(view is views[0] for view in views) else list(views)


def _kind(given: Sequence[Tensor], size: int) -> object:
    """What a graph is fixed to: shape, layout and type of the views, and autocast."""
    view = given[0]
    return len(given), size, view.shape[1:], view.stride()[1:], view.dtype, autocast_type()
