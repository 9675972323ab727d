"""What does the work of runs, several at a time: processes of this machine."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import cycle, islice
from multiprocessing.queues import SimpleQueue
from types import TracebackType
from typing import Protocol, TypeVar

import torch

from cotrain.basics.processes import serve_parent
from cotrain.basics.streams import make_streams_tolerant
from cotrain.comparison.accuracy.run import Run

T = TypeVar("T")

DIED = (
    "its process died, perhaps for lack of memory: the same command goes on, with a smaller --jobs "
    "in less memory"
)


class RunWorkers(Protocol):
    """What does the work of runs; left by an error, all save the state of their runs and end."""

    jobs: int  # runs at a time
    threads: int  # CPU threads of PyTorch in each

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None: ...

    def submit(self, work: Callable[[Run], T], run: Run) -> Future[T]:
        """Begin to work on a run, in another process."""
        ...

    def lost(self, error: Exception) -> str:
        """Why a worker cannot answer, and the next step; empty where the work itself failed."""
        ...


class RunProcesses:
    """Processes of this machine. Each sees one GPU, where there are some: they take them in turn.

    They end with this process, however it ends. They import the main script, which must therefore
    start its work under ``if __name__ == "__main__":``.

    Args:
        jobs: How many.
        threads: CPU threads of PyTorch in each.
    """

    def __init__(self, jobs: int, threads: int) -> None:
        self.jobs = jobs
        self.threads = threads

    def __enter__(self) -> None:
        self._others = set(multiprocessing.active_children())
        context = multiprocessing.get_context("spawn")
        gpus = context.SimpleQueue()
        for gpu in islice(cycle(visible_gpus() or [None]), self.jobs):
            gpus.put(gpu)
        self._pool = ProcessPoolExecutor(self.jobs, context, _prepare, (self.threads, gpus))

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if kind is not None:
            for worker in set(multiprocessing.active_children()) - self._others:
                worker.terminate()
        self._pool.shutdown()

    def submit(self, work: Callable[[Run], T], run: Run) -> Future[T]:
        """Begin to work on a run as soon as a process is free."""
        return self._pool.submit(_stoppably, work, run)

    def lost(self, error: Exception) -> str:
        """Whether its process died."""
        return DIED if isinstance(error, BrokenProcessPool) else ""


def visible_gpus() -> list[str]:
    """How ``CUDA_VISIBLE_DEVICES`` names each GPU of this process to one that it starts."""
    count = torch.cuda.device_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return named.split(",")[:count] if named else [str(index) for index in range(count)]


def _prepare(threads: int, gpus: SimpleQueue[str | None]) -> None:
    """Set up a worker: its threads, its GPU, and when it ends.

    What a terminal sends reaches the comparison alone, which stops its workers in order; one that
    was killed leaves none that train beside the comparison that is started next.
    """
    torch.set_num_threads(threads)
    gpu = gpus.get()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # nothing here has used CUDA yet
    make_streams_tolerant()
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    serve_parent()


def _stoppably(work: Callable[[Run], T], run: Run) -> T:
    with _stoppable():
        return work(run)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let SIGTERM stop the work inside; a worker without work ignores it."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
