"""Several training runs side by side, each in a process of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial
from time import perf_counter
from typing import TypeVar

from cotrain.basics.errors import CotrainError, TrainingError
from cotrain.comparison.accuracy.run import Run
from cotrain.comparison.accuracy.workers import RunWorkers
from cotrain.ensemble.peers.library import of_library

Train = Callable[..., object]  # called as cotrain.training.fit is
T = TypeVar("T")


def train_all(
    runs: Sequence[Run], *, train: Train, workers: RunWorkers, done: Callable[[Run], None]
) -> None:
    """Train every run, several at a time, in the order given; begun runs are resumed.

    A run that fails or an interrupt stops all: what runs saves its state and ends.

    Args:
        runs: What to train.
        train: Importable function such as ``cotrain.training.fit``.
        workers: Who trains.
        done: Called in this process after each run.

    Raises:
        TrainingError: The first failing run, named.
    """
    _share_out(runs, partial(_train, train), workers, lambda run, _: done(run))


def measure_all(runs: Sequence[Run], *, workers: RunWorkers) -> dict[str, float]:
    """About how many seconds the run of each candidate would take, by a few seconds of it.

    Measured as many at a time as train.

    Args:
        runs: One of each candidate.
        workers: Who measures.

    Raises:
        TrainingError: A run that cannot be trained, named.
    """
    seconds: dict[str, float] = {}

    def keep(run: Run, measured: float) -> None:
        seconds[run.candidate] = measured

    _share_out(runs, _measure, workers, keep)
    return {run.candidate: seconds[run.candidate] for run in runs}


def _share_out(
    runs: Sequence[Run],
    work: Callable[[Run], T],
    workers: RunWorkers,
    done: Callable[[Run, T], None],
) -> None:
    """Do the work of every run, and say what came of it."""
    with workers:
        _hand_out(workers, list(runs), work, done)


def _hand_out(
    workers: RunWorkers,
    waiting: list[Run],
    work: Callable[[Run], T],
    done: Callable[[Run, T], None],
) -> None:
    """Hand out no more runs than there are workers: one that is handed out cannot be taken back."""
    running: dict[Future[T | TrainingError], Run] = {}
    while waiting or running:
        while waiting and len(running) < workers.jobs:
            run = waiting.pop(0)
            running[workers.submit(partial(_named, work), run)] = run
        finished, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in finished:
            run = running.pop(future)
            try:
                result = future.result()
            except Exception as error:
                if reason := workers.lost(error):
                    raise TrainingError(f"{run}: {reason}") from None
                raise
            if isinstance(result, TrainingError):
                raise result
            done(run, result)


def _named(work: Callable[[Run], T], run: Run) -> T | TrainingError:
    """Work on a run; its error is named, and is a value of one argument, so it can be sent."""
    try:
        return work(run)
    except CotrainError as error:
        return TrainingError(f"{run}: {error}")


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
