"""Strategies that any machine has: loop, threads, devices, stacked."""

from collections.abc import Sequence
from functools import partial
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.ensemble.ensemble import device_of
from cotrain.execution.acceleration import Acceleration, accelerated, evaluation_copy
from cotrain.execution.cuda import cuda_graphs, streams
from cotrain.execution.execution import Execution, Network, ask
from cotrain.execution.sizes import in_buckets
from cotrain.execution.stacked import stacked
from cotrain.execution.workers import Workers


def loop(networks: Sequence[nn.Module], acceleration: Acceleration) -> Execution:
    """One network after the other, as ``cotrain.Ensemble`` itself runs them."""
    ready = [accelerated(network, acceleration) for network in networks]

    def run(views: Sequence[Tensor]) -> Tensor:
        return torch.stack([task() for task in _tasks(ready, views)])

    def one(index: int, images: Tensor) -> Tensor:
        return ask(index, ready[index], images)

    return Execution("loop", networks, run, ask=in_buckets(one) if acceleration.compile else one)


def threads(
    networks: Sequence[nn.Module], acceleration: Acceleration, workers: int | None
) -> Execution:
    """A worker for each core or group of cores, each of which has networks of its own."""
    only_cpu(networks)
    pool, each = make_workers(len(networks), workers)
    ready = [accelerated(network, acceleration, threads=each) for network in networks]

    def run(views: Sequence[Tensor]) -> Tensor:
        return torch.stack(pool.run(_tasks(ready, views)))

    return Execution("threads", networks, run, close=pool.close)


def only_cpu(networks: Sequence[nn.Module]) -> None:
    """Refuse networks that are on a GPU, which threads on the CPU's cores do not speed up."""
    place = device_of(networks)
    if place.type != "cpu":
        raise ConfigError(
            f"strategy='threads': the networks are on {place}, and it needs them on the CPU: "
            "use 'loop' or 'streams'"
        )


def make_workers(into: int, workers: int | None) -> tuple[Workers, int]:
    """As many workers as can be busy, and their share of the threads that torch may use here.

    Args:
        into: S.
        workers: How many; as many as torch has threads, at most S, if None.
    """
    if workers is not None and workers < 1:
        raise ConfigError(f"workers={workers} is below 1: give at least 1")
    budget = torch.get_num_threads()
    count = min(into, workers or budget)
    each = max(1, budget // count)
    return Workers(count, each), each


def _tasks(networks: Sequence[Network], views: Sequence[Tensor]) -> list[partial[Tensor]]:
    pairs = zip(networks, views, strict=True)
    return [partial(ask, index, *pair) for index, pair in enumerate(pairs)]


def devices(
    networks: Sequence[nn.Module],
    acceleration: Acceleration,
    where: Sequence[str | torch.device] | None,
) -> Execution:
    """Each network on its device, in a thread of its own; only images and logits travel.

    Args:
        networks: Copied to the devices.
        acceleration: Of each network.
        where: A device for each network, in turn where there are fewer; all CUDA devices if None.
    """
    places = _places(where, len(networks))
    pool, each = make_workers(len(networks), len(networks))
    ready = []
    for network, place in zip(networks, places, strict=True):
        there = evaluation_copy(network, partial(torch.Tensor.to, device=place))
        ready.append(accelerated(there, acceleration, threads=each))

    def run(views: Sequence[Tensor]) -> Tensor:
        # Sent before any network runs, behind which copies would wait on the views' device.
        pairs = zip(views, places, strict=True)
        there = [view.to(place, non_blocking=True) for view, place in pairs]
        logits = pool.run(_tasks(ready, there))
        return torch.stack([each.to(views[0].device) for each in logits])

    return Execution("devices", networks, run, close=pool.close)


def _places(where: Sequence[str | torch.device] | None, into: int) -> list[torch.device]:
    if where is None:
        where = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if not where:
        raise ConfigError("strategy='devices': no CUDA device here: give devices=['cpu', ...]")
    return [torch.device(where[index % len(where)]) for index in range(into)]


Strategy = Literal["loop", "threads", "streams", "cuda_graphs", "stacked", "devices"]


def build_execution(
    networks: Sequence[nn.Module],
    strategy: str,
    acceleration: Acceleration,
    *,
    workers: int | None = None,
    places: Sequence[str | torch.device] | None = None,
) -> Execution:
    """The execution of that name; arguments as for ``cotrain.execution.prepare``."""
    if strategy == "threads":
        return threads(networks, acceleration, workers)
    if strategy == "devices":
        return devices(networks, acceleration, places)
    others = {"loop": loop, "stacked": stacked, "streams": streams, "cuda_graphs": cuda_graphs}
    if strategy not in others:
        raise ConfigError(
            f"strategy={strategy!r} is not known: use one of {['auto', *get_args(Strategy)]}"
        )
    return others[strategy](networks, acceleration)
