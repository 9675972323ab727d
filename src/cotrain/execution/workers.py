"""Persistent threads that networks are handed to; each has its own number of intra-op threads."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch

from cotrain.basics.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Modes:
    """What torch keeps for each thread: gradients, inference mode, autocast.

    Args:
        grad: Whether gradients are recorded.
        inference: Whether inference mode is on.
        autocast: Type of autocast on each kind of device where it is on.
    """

    grad: bool
    inference: bool
    autocast: dict[str, torch.dtype]

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
            yield

    def do(self, task: Callable[[], T]) -> T:
        """What the task gives in these modes."""
        with self.on():
            return task()


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
        self._pool = ThreadPoolExecutor(
            count, "cotrain", initializer=_begin, initargs=(threads, ready)
        )
        for _ in range(count):  # a thread is started for each task that finds none idle
            self._pool.submit(int)
        ready.wait()
        # The last number set by anybody is what threads of the future start with.
        torch.set_num_threads(budget)

    def run(self, tasks: Sequence[Callable[[], T]]) -> list[T]:
        """What the tasks give, in their order, once all are done.

        Raises:
            Exception: What the first task that failed has raised.
        """
        modes = Modes.here()
        try:
            futures = [self._pool.submit(modes.do, task) for task in tasks]
        except RuntimeError:
            raise ConfigError("the workers are closed: prepare another execution") from None
        for future in futures:
            future.exception()  # waits
        return [future.result() for future in futures]

    def close(self) -> None:
        """End the threads and wait for them; closing twice does nothing."""
        self._pool.shutdown()


def _begin(threads: int, ready: threading.Barrier) -> None:
    # Asked first: torch sets a thread's number to the default the first time it is needed.
    torch.get_num_threads()
    torch.set_num_threads(threads)
    ready.wait()
