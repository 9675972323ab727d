"""Several training runs side by side, each in a process of its own."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import cycle, islice
from multiprocessing.queues import SimpleQueue
from time import perf_counter
from typing import TypeVar

import torch

from cotrain.basics.errors import CotrainError, TrainingError
from cotrain.basics.processes import serve_parent
from cotrain.basics.streams import make_streams_tolerant
from cotrain.comparison.accuracy.run import Run
from cotrain.ensemble.peers.library import of_library

Train = Callable[..., object]  # called as cotrain.training.fit is
T = TypeVar("T")


def train_all(
    runs: Sequence[Run],
    *,
    train: Train,
    jobs: int,
    threads: int,
    done: Callable[[Run], None],
) -> None:
    """Train every run, ``jobs`` at a time, in the order given; begun runs are resumed.

    Each worker sees one GPU, where there are some: the workers take them in turn.

    A run that fails or an interrupt stops all: what runs saves its state and ends. Workers end
    with this process too, however it ends. Worker processes import the main script, which must
    therefore start its work under ``if __name__ == "__main__":``.

    Args:
        runs: What to train.
        train: Importable function such as ``cotrain.training.fit``.
        jobs: Worker processes.
        threads: CPU threads of PyTorch in each.
        done: Called in this process after each run.

    Raises:
        TrainingError: The first failing run, named.
    """
    _in_workers(runs, partial(_train, train), jobs, threads, lambda run, _: done(run))


def measure_all(runs: Sequence[Run], *, jobs: int, threads: int) -> dict[str, float]:
    """About how many seconds the run of each candidate would take, by a few seconds of it.

    Measured in as many processes as train.

    Args:
        runs: One of each candidate.
        jobs: Worker processes.
        threads: CPU threads of PyTorch in each.

    Raises:
        TrainingError: A run that cannot be trained, named.
    """
    seconds: dict[str, float] = {}

    def keep(run: Run, measured: float) -> None:
        seconds[run.candidate] = measured

    _in_workers(runs, _measure, jobs, threads, keep)
    return {run.candidate: seconds[run.candidate] for run in runs}


def _in_workers(
    runs: Sequence[Run],
    work: Callable[[Run], T],
    jobs: int,
    threads: int,
    done: Callable[[Run, T], None],
) -> None:
    """Do the work of every run in a process, and say what came of it."""
    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    gpus = context.SimpleQueue()
    for gpu in islice(cycle(visible_gpus() or [None]), jobs):
        gpus.put(gpu)
    with ProcessPoolExecutor(jobs, context, _prepare, (threads, gpus)) as pool:
        try:
            _hand_out(pool, list(runs), work, jobs, done)
        except BaseException:
            for worker in set(multiprocessing.active_children()) - before:
                worker.terminate()
            raise


def _hand_out(
    pool: ProcessPoolExecutor,
    waiting: list[Run],
    work: Callable[[Run], T],
    jobs: int,
    done: Callable[[Run, T], None],
) -> None:
    """Hand out no more runs than there are workers: one that is handed out cannot be taken back."""
    running: dict[Future[T], Run] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            run = waiting.pop(0)
            running[pool.submit(_named, work, run)] = run
        finished, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in finished:
            run = running.pop(future)
            try:
                result = future.result()
            except BrokenProcessPool:
                raise TrainingError(
                    f"{run}: its process died, perhaps for lack of memory: try --jobs 1"
                ) from None
            done(run, result)


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


def _named(work: Callable[[Run], T], run: Run) -> T:
    """Work on a run in a worker; its errors are named and of one argument, so they can be sent."""
    try:
        with _stoppable():
            return work(run)
    except CotrainError as error:
        raise TrainingError(f"{run}: {error}") from None


def _train(train: Train, run: Run) -> None:
    if run.experiment.peer != "none":
        of_library("layers", run.experiment.peer)  # its import takes seconds, and is no training
    start = perf_counter()
    begun = run.folder.config.exists()
    train(run.experiment, run.folder.root, resume=begun, progress=False, split_of=run.split_of)
    if not run.folder.evaluation.exists():
        raise TrainingError("there are no test images to compare on: set data.test above 0")
    if not begun:
        run.keep_seconds(perf_counter() - start)


def _measure(run: Run) -> float:
    """Imported here because Lightning takes seconds, and only workers need it."""
    from cotrain.training.pace import estimate_seconds

    return estimate_seconds(run.experiment, run.split_of)


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
