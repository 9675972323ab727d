"""Persistent threads that networks are handed to; each has its own number of intra-op threads."""

import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

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


@dataclass(frozen=True, kw_only=True)
class _Job(Generic[T]):
    index: int
    task: Callable[[], T]
    modes: Modes
    done: "SimpleQueue[tuple[int, T | BaseException]]"

    def do(self) -> None:
        try:
            with self.modes.on():
                outcome = self.task()
        except BaseException as error:
            self.done.put((self.index, error))
        else:
            self.done.put((self.index, outcome))


class Workers:
    """Threads that wait for tasks; they end with ``close``, or with the last reference.

    Args:
        count: How many.
        threads: Intra-op threads of torch in each. The caller's own number stays as it is.
    """

    def __init__(self, count: int, threads: int) -> None:
        self._jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        # Asking makes the caller's number its own, so that what workers set does not reach it.
        budget = torch.get_num_threads()
        ready = threading.Barrier(count + 1)
        arguments = (self._jobs, threads, ready)
        workers = [
            threading.Thread(target=_work, args=arguments, daemon=True, name=f"cotrain-{index}")
            for index in range(count)
        ]
        for worker in workers:
            worker.start()
        ready.wait()
        # The last number set by anybody is what threads of the future start with.
        torch.set_num_threads(budget)
        self._end = weakref.finalize(self, _end, self._jobs, workers)

    def run(self, tasks: Sequence[Callable[[], T]]) -> list[T]:
        """What the tasks give, in their order, once all are done.

        Raises:
            Exception: What the first task that failed has raised.
        """
        if not self._end.alive:
            raise ConfigError("the workers are closed: prepare another execution")
        done: SimpleQueue[tuple[int, T | BaseException]] = SimpleQueue()
        modes = Modes.here()
        for index, task in enumerate(tasks):
            self._jobs.put(_Job(index=index, task=task, modes=modes, done=done))
        outcomes = dict(done.get() for _ in tasks)
        for index in range(len(tasks)):
            if isinstance(error := outcomes[index], BaseException):
                raise error
        return [outcomes[index] for index in range(len(tasks))]  # type: ignore[misc]

    def close(self) -> None:
        """End the threads and wait for them; closing twice does nothing."""
        self._end()


def _work(jobs: "SimpleQueue[_Job[Any] | None]", threads: int, ready: threading.Barrier) -> None:
    # Asked first: torch sets a thread's number to the default the first time it is needed.
    torch.get_num_threads()
    torch.set_num_threads(threads)
    ready.wait()
    while _do_next(jobs):
        pass


def _do_next(jobs: "SimpleQueue[_Job[Any] | None]") -> bool:
    """A function of its own, so that a waiting worker holds no images and no logits."""
    job = jobs.get()
    if job is not None:
        job.do()
    return job is not None


def _end(jobs: "SimpleQueue[_Job[Any] | None]", workers: list[threading.Thread]) -> None:
    for _ in workers:
        jobs.put(None)
    for worker in workers:
        # The garbage collector may run in a worker.
        if worker is not threading.current_thread():
            worker.join()
