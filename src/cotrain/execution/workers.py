"""Persistent threads that networks are handed to; each has its own number of intra-op threads."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import TypeVar

import torch

from cotrain.basics.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Modes:
    """What torch keeps for each thread: gradients, inference mode, autocast, CUDA's streams.

    Args:
        grad: Whether gradients are recorded.
        inference: Whether inference mode is on.
        autocast: Type of autocast on each kind of device where it is on.
        streams: The current stream of every CUDA device, the current device's last; none before
            CUDA is used.
    """

    grad: bool
    inference: bool
    autocast: dict[str, torch.dtype]
    streams: tuple[torch.cuda.Stream, ...]

    @staticmethod
    def here() -> "Modes":
        """Those of the calling thread."""
        return Modes(
            grad=torch.is_grad_enabled(),
            inference=torch.is_inference_mode_enabled(),
            autocast={
                kind: torch.get_autocast_dtype(kind)
                for kind in ("cpu", "cuda")
                if torch.is_autocast_enabled(kind)
            },
            streams=_current_streams(),
        )

    @contextmanager
    def on(self) -> Iterator[None]:
        """Have these modes inside."""
        with ExitStack() as stack:
            if self.inference:
                stack.enter_context(torch.inference_mode())
            stack.enter_context(torch.set_grad_enabled(self.grad))
            for kind, dtype in self.autocast.items():
                stack.enter_context(torch.autocast(kind, dtype))
            for stream in self.streams:
                stack.enter_context(torch.cuda.stream(stream))
            yield

    def do(self, task: Callable[[], T]) -> T:
        """What the task gives in these modes."""
        with self.on():
            return task()


def _current_streams() -> tuple[torch.cuda.Stream, ...]:
    if not torch.cuda.is_initialized():
        return ()
    here = torch.cuda.current_device()
    others = (index for index in range(torch.cuda.device_count()) if index != here)
    return tuple(torch.cuda.current_stream(index) for index in (*others, here))


class Workers:
    """Threads that wait for tasks; they end with ``close``, or with the last reference.

    Args:
        count: How many.
        threads: Intra-op threads of torch in each. The caller's own number stays as it is.
    """

    def __init__(self, count: int, threads: int) -> None:
        # Asking makes the caller's number its own, so that what workers set does not reach it.
        budget = torch.get_num_threads()
        # The timeout is for the rest where one cannot be started.
        ready = threading.Barrier(count + 1, timeout=60)
        self._each = [
            ThreadPoolExecutor(1, "cotrain", initializer=_begin, initargs=(threads, ready))
            for _ in range(count)
        ]
        for worker in self._each:
            worker.submit(int)
        ready.wait()
        # The last number set by anybody is what threads of the future start with.
        torch.set_num_threads(budget)

    def run(self, tasks: Sequence[Callable[[], T]]) -> list[T]:
        """What the tasks give, in their order, once all are done.

        The task at a place is always the same worker's, because libraries keep for each thread
        what they found out about a network.

        Raises:
            Exception: What the first task that failed has raised.
        """
        modes = Modes.here()
        turns = zip(cycle(self._each), tasks, strict=False)
        try:
            futures = [worker.submit(modes.do, task) for worker, task in turns]
        except RuntimeError:
            raise ConfigError("the workers are closed: prepare another execution") from None
        for future in futures:
            future.exception()  # waits
        return [future.result() for future in futures]

    def close(self) -> None:
        """End the threads and wait for them; closing twice does nothing."""
        for worker in self._each:
            worker.shutdown()


def _begin(threads: int, ready: threading.Barrier) -> None:
    # Asked first: torch sets a thread's number to the default the first time it is needed.
    torch.get_num_threads()
    torch.set_num_threads(threads)
    ready.wait()
