"""Strategies of one CUDA device: a stream for each network, and whole captured graphs."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.ensemble.ensemble import device_of
from cotrain.execution.acceleration import Acceleration, accelerated
from cotrain.execution.execution import Execution, Network, ask

# What torch asks for before a capture: libraries choose and allocate in the first runs.
_WARM_UP = 3


def streams(networks: Sequence[nn.Module], acceleration: Acceleration) -> Execution:
    """Each network on a stream of its own, so that small kernels run side by side."""
    ready, own = _ready("streams", networks, acceleration)
    return Execution("streams", networks, partial(on_streams, ready, own))


def cuda_graphs(networks: Sequence[nn.Module], acceleration: Acceleration) -> Execution:
    """The whole of ``streams`` captured once for each shape, then replayed without Python."""
    ready, own = _ready("cuda_graphs", networks, acceleration)
    graphs = _Graphs(ready, own)
    return Execution("cuda_graphs", networks, graphs, close=graphs.clear)


def make_streams(strategy: str, networks: Sequence[nn.Module]) -> list[torch.cuda.Stream]:
    """A stream for each network, on the one device that holds them all."""
    places = {tensor.device for network in networks for tensor in network.parameters()}
    if {place.type for place in places} != {"cuda"} or len(places) > 1:
        raise ConfigError(
            f"strategy={strategy!r}: the networks are on {sorted(map(str, places))}, and it needs "
            "them on one CUDA device: use 'loop', 'threads' or 'devices'"
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

    Every stream waits for the current one, and that for all of them, before any tensor is
    freed: so memory can be used again in stream order, and nothing need be recorded.
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
    return torch.stack(logits)


class _Graphs:
    """Captured graphs, one for each shape, in one pool of memory.

    Args:
        networks: What is captured.
        own: Their streams.
    """

    def __init__(self, networks: Sequence[Network], own: Sequence[torch.cuda.Stream]) -> None:
        self._forward = partial(on_streams, networks, own)
        self._device = own[0].device
        self._pool = torch.cuda.graph_pool_handle()
        self._captured: dict[object, tuple[torch.cuda.CUDAGraph, list[Tensor], Tensor]] = {}

    def __call__(self, views: Sequence[Tensor]) -> Tensor:
        kind = _kind(views)
        if kind not in self._captured:
            self._captured[kind] = self._capture(views)
        graph, inputs, logits = self._captured[kind]
        for static, view in zip(inputs, _distinct(views), strict=True):
            static.copy_(view)
        graph.replay()
        return logits.clone()

    def _capture(
        self, views: Sequence[Tensor]
    ) -> tuple[torch.cuda.CUDAGraph, list[Tensor], Tensor]:
        inputs = [view.clone() for view in _distinct(views)]
        static = inputs if len(inputs) == len(views) else inputs * len(views)
        side = torch.cuda.Stream(self._device)
        side.wait_stream(torch.cuda.current_stream(self._device))
        # A weight that autocast converts must be converted in the graph, not found in a cache.
        kept = torch.is_autocast_cache_enabled()
        torch.set_autocast_cache_enabled(False)
        try:
            with torch.cuda.stream(side):
                for _ in range(_WARM_UP):
                    self._forward(static)
            torch.cuda.current_stream(self._device).wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self._pool, stream=side):
                logits = self._forward(static)
        finally:
            torch.set_autocast_cache_enabled(kept)
        return graph, inputs, logits

    def clear(self) -> None:
        """Free the graphs and their memory."""
        self._captured.clear()


def _distinct(views: Sequence[Tensor]) -> list[Tensor]:
    """The one tensor that all networks share, or all views."""
    return [views[0]] if all(view is views[0] for view in views) else list(views)


def _kind(views: Sequence[Tensor]) -> object:
    """What a graph is fixed to: shape, layout and type of the views, and autocast."""
    autocast = torch.is_autocast_enabled("cuda") and torch.get_autocast_dtype("cuda")
    view = views[0]
    return len(_distinct(views)), view.shape, view.stride(), view.dtype, autocast
