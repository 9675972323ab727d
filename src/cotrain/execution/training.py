"""Training S networks at once: forward side by side, one joint loss, backward side by side."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.ensemble.ensemble import Ensemble, split_views
from cotrain.execution.cuda import make_streams, on_streams
from cotrain.execution.drawing import drawing_nothing
from cotrain.execution.execution import Network, NetworkError, ask, networks_of
from cotrain.execution.strategies import make_workers, only_cpu
from cotrain.execution.training_graphs import GraphedNetwork
from cotrain.execution.workers import Workers

TrainingStrategy = Literal["loop", "threads", "streams", "cuda_graphs", "devices"]

Before = Callable[[int], object]


class TrainingExecution:
    """S networks prepared to train; make one with ``prepare_training``.

    A step is ``logits = execution.forward(views)``, the joint loss of the logits and its
    ``backward()``, then ``execution.backward()``: the gradients are those of the loop.

    Args:
        name: The strategy.
        networks: The networks themselves.
        pool: Threads that run a network each; None where autograd does all.
        streams: A CUDA stream for each network; None elsewhere.
        graphs: Each network as captured graphs; None where it runs as it is.
    """

    def __init__(
        self,
        name: str,
        networks: Sequence[nn.Module],
        *,
        pool: Workers | None = None,
        streams: Sequence[torch.cuda.Stream] | None = None,
        graphs: Sequence[GraphedNetwork] | None = None,
    ) -> None:
        self.name = name
        self._networks, self._pool, self._streams = networks, pool, streams
        self._run: Sequence[Network] = graphs or networks
        # Of the step under way: each network's logits, and the leaf that the loss sees.
        self._outputs: list[Tensor] = []
        self._leaf: Tensor | None = None

    def forward(self, views: Tensor, before: Before | None = None) -> Tensor:
        """Logits [S, B, C] on the device of the views [S, B, C, H, W] or [B, C, H, W].

        Args:
            views: One view for each network, or images for all.
            before: Called with each network's index before its forward pass, in their order;
                with threads, before any of them.

        Raises:
            NetworkError: A network failed.
            ConfigError: With threads: a network drew random numbers.
        """
        each = split_views(views, len(self._networks))
        if self._pool:
            return self._forward_in_threads(self._pool, each, before)
        networks = [partial(_after, before, i, n) for i, n in enumerate(self._run)]
        if self._streams:
            return on_streams(networks, self._streams, each)
        pairs = enumerate(zip(networks, each, strict=True))
        return torch.stack([ask(index, *pair) for index, pair in pairs])

    def _forward_in_threads(
        self, pool: Workers, views: Sequence[Tensor], before: Before | None
    ) -> Tensor:
        self._outputs, self._leaf = [], None
        for index in range(len(self._networks) if before else 0):
            before(index)  # type: ignore[misc]
        pairs = enumerate(zip(self._networks, views, strict=True))
        why = "threads would share one random state in no fixed order"
        with drawing_nothing(self._networks, self.name, why):
            outputs = pool.run([partial(ask, i, partial(_there, n), v) for i, (n, v) in pairs])
        leaf = torch.stack([logits.detach().to(views[0].device) for logits in outputs])
        if torch.is_grad_enabled():
            self._outputs, self._leaf = outputs, leaf.requires_grad_()
        return leaf

    def backward(self) -> None:
        """Every network's backward pass, from the gradient that the joint loss left at its logits.

        Where autograd has done all already there is nothing left to do.

        Raises:
            NetworkError: A network failed.
            ConfigError: The loss's own ``backward()`` has not been called.
        """
        if self._pool is None or self._leaf is None:
            return
        if self._leaf.grad is None:
            raise ConfigError("execution.backward() before loss.backward(): call that first")
        pairs = enumerate(zip(self._outputs, self._leaf.grad, strict=True))
        tasks = [partial(_backward, index, *pair) for index, pair in pairs]
        self._outputs, self._leaf = [], None
        self._pool.run(tasks)

    def close(self) -> None:
        """Give back threads; closing twice does nothing."""
        if self._pool:
            self._pool.close()
        self._outputs, self._leaf = [], None

    def __enter__(self) -> "TrainingExecution":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _after(before: Before | None, index: int, network: Network, view: Tensor) -> Tensor:
    if before:
        before(index)
    return network(view)


def _there(network: nn.Module, view: Tensor) -> Tensor:
    """The logits, on the network's own device."""
    place = next((tensor.device for tensor in network.parameters()), view.device)
    return network(view.to(place, non_blocking=True))


def _backward(index: int, logits: Tensor, gradient: Tensor) -> None:
    try:
        logits.backward(gradient.to(logits.device, non_blocking=True))
    except Exception as error:
        raise NetworkError(index, error) from error


def prepare_training(
    networks: Ensemble | Iterable[nn.Module], strategy: str, *, workers: int | None = None
) -> TrainingExecution:
    """The networks themselves, prepared to train at once.

    Args:
        networks: S networks, or an ensemble, where they are to be trained.
        strategy: ``loop``, ``threads`` (CPU), ``streams`` and ``cuda_graphs`` (one GPU), or
            ``devices`` (a thread for each network, wherever it is).
        workers: Threads of ``threads``; as many as torch may use here, at most S, if None.

    Raises:
        ConfigError: An unknown strategy, or one that networks or hardware do not allow.
    """
    found = networks_of(networks)
    if strategy == "loop":
        return TrainingExecution("loop", found)
    if strategy == "streams":
        return TrainingExecution("streams", found, streams=make_streams("streams", found))
    if strategy == "cuda_graphs":
        own = make_streams("cuda_graphs", found)
        graphs = [GraphedNetwork(index, network) for index, network in enumerate(found)]
        return TrainingExecution("cuda_graphs", found, streams=own, graphs=graphs)
    if strategy not in get_args(TrainingStrategy):
        raise ConfigError(
            f"strategy={strategy!r} cannot train: use one of {list(get_args(TrainingStrategy))}"
        )
    if strategy == "threads":
        only_cpu(found)
    pool, _ = make_workers(len(found), len(found) if strategy == "devices" else workers)
    return TrainingExecution(strategy, found, pool=pool)
