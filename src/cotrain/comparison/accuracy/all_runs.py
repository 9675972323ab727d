"""All runs of a comparison: on one split, seed after seed, none trained twice."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

import torch
from rich.console import Console

from cotrain.basics.errors import ConfigError, Interrupted
from cotrain.basics.lock import locked
from cotrain.basics.machine import usable_cores
from cotrain.basics.output import output_folder
from cotrain.basics.processes import StopAsked, stoppable
from cotrain.basics.run_folder import RunFolder
from cotrain.basics.watching import at_work
from cotrain.comparison.accuracy.answers import read_run
from cotrain.comparison.accuracy.budget import TimeBudget, check_budget, known_seconds, plan_seeds
from cotrain.comparison.accuracy.candidates import Candidate
from cotrain.comparison.accuracy.cluster import RayCluster, ray_tasks
from cotrain.comparison.accuracy.one_split import keep_split, remembered_split
from cotrain.comparison.accuracy.peers import check_built
from cotrain.comparison.accuracy.progress import Progress
from cotrain.comparison.accuracy.run import Run
from cotrain.comparison.accuracy.trainings import Train, measure_all, train_all
from cotrain.comparison.accuracy.workers import RunProcesses, RunWorkers, visible_gpus
from cotrain.config import Experiment
from cotrain.config.recipes import load_recipe
from cotrain.data.datasets import check_outside_images

_LINE_SECONDS = 60  # between lines on how far the runs are


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What is trained of a comparison.

    Args:
        runs: The finished runs of every candidate by its name, one for each of ``seeds``.
        seeds: Those that every candidate was trained with.
        left_out: Those that did not fit into the budget.
        device: Where: ``cpu`` or ``cuda``.
        jobs: Trainings that ran at once.
    """

    runs: Mapping[str, Sequence[Run]]
    seeds: tuple[int, ...]
    left_out: tuple[int, ...]
    device: str
    jobs: int

    @property
    def threads(self) -> tuple[int | None, ...]:
        """CPU threads of the trainings, each number once."""
        every = [run.experiment.hardware.threads for each in self.runs.values() for run in each]
        return tuple(dict.fromkeys(every))


def train_candidates(
    experiment: Experiment,
    candidates: Sequence[Candidate],
    seeds: Sequence[int],
    output: Path | str,
    *,
    jobs: int | None = None,
    train: Train | None = None,
    budget_minutes: float | None = None,
    cluster: RayCluster | None = None,
) -> Trained:
    """Train every candidate with every seed, or with as many seeds as fit into the budget.

    Args:
        experiment: What all share.
        candidates: What to train.
        seeds: With which seeds, the first first.
        output: Folder of the runs; finished ones are kept, begun ones gone on with.
        jobs: Trainings at once; None is one a core on the CPU, and one a GPU.
        train: Importable function to train a run; ``cotrain.training.fit`` if None.
        budget_minutes: Leave out the last seeds where all would take longer.
        cluster: Where to train; processes of this machine if None.

    Raises:
        ConfigError: Settings that do not fit, an ``output`` with runs of other settings or images,
            images that are not those that it remembers, or a budget too small for one seed.
        TrainingError: A run failed; the message names it.
        Interrupted: Ctrl-C; what was trained is kept.
    """
    begun = monotonic()
    check_budget(budget_minutes)
    output = checked_output(experiment, output, jobs)
    left_out: tuple[int, ...] = ()
    # Of what is asked for, not of what is missing: a comparison goes on with as many threads.
    count = len(candidates) * len(seeds)
    with (
        locked(output),
        stopping(),
        workers_of(experiment, output, jobs, count, cluster) as workers,
    ):
        runs = {each.name: runs_of(each, seeds, output, workers.threads) for each in candidates}
        every = in_order(runs)
        missing = [run for run in every if not run.is_finished()]
        split = remembered_split(RunFolder(output), every)
        seconds = known_seconds(every)
        if missing:
            check_built(missing, keep_split(experiment, RunFolder(output), split))
        if missing and budget_minutes is not None:
            seconds |= _measured(missing, seconds, workers)
            budget = TimeBudget(minutes=budget_minutes, spent=monotonic() - begun)
            plan = plan_seeds(every, seconds, workers.jobs, budget)
            _console().print(str(plan), markup=False)
            left_out = plan.left_out
        kept = tuple(seed for seed in seeds if seed not in left_out)
        missing = _of_seeds(missing, kept)
        if missing:
            progress = Progress(_of_seeds(every, kept), seconds, workers.jobs)
            train_missing(missing, progress, train or usual_fit(), workers)
    return Trained(
        runs={name: _of_seeds(each, kept) for name, each in runs.items()},
        seeds=kept,
        left_out=left_out,
        device=_device(experiment),
        jobs=workers.jobs,
    )


def checked_output(experiment: Experiment, output: Path | str, jobs: int | None) -> Path:
    """The folder, where everything can be trained so."""
    if jobs is not None and jobs < 1:
        raise ConfigError(f"jobs={jobs} is below 1: give at least 1")
    _check_shared(experiment)
    folder = output_folder(output)
    check_outside_images(folder, experiment.data)
    return folder


def _check_shared(experiment: Experiment) -> None:
    """What all runs share does not start processes of its own beside those of the comparison, and
    has no size of networks but what each S gives."""
    if experiment.sized_for is not None:
        raise ConfigError(
            f"sized_for={experiment.sized_for}: a comparison is of networks that cost as much as "
            "the large one together: leave it out"
        )
    hardware = experiment.hardware
    for name, value in (("devices", hardware.devices), ("num_nodes", hardware.num_nodes)):
        if value not in ("auto", "1", 1):
            raise ConfigError(
                f"hardware.{name}={value}: a comparison trains every run on one device: "
                "leave it out, and give --jobs for runs side by side"
            )


def runs_of(candidate: Candidate, seeds: Sequence[int], output: Path, threads: int) -> list[Run]:
    folders = [RunFolder(output / f"{candidate.slug}-seed{seed}") for seed in seeds]
    return [
        Run(
            candidate=candidate.name,
            experiment=_settings(replace(candidate.experiment, seed=seed), folder, threads),
            folder=folder,
            split_of=output,
        )
        for seed, folder in zip(seeds, folders, strict=True)
    ]


def _settings(experiment: Experiment, folder: RunFolder, threads: int) -> Experiment:
    """With the threads that a run is computed with: those that it was begun with, if it was."""
    if experiment.hardware.threads is not None:
        return experiment
    number = load_recipe(folder.config).hardware.threads if folder.config.exists() else threads
    return replace(experiment, hardware=replace(experiment.hardware, threads=number))


def _device(experiment: Experiment) -> str:
    """Where the experiment's ``hardware`` settings make it run."""
    on_cpu = experiment.hardware.accelerator == "cpu" or not torch.cuda.is_available()
    return "cpu" if on_cpu else "cuda"


def workers_of(
    experiment: Experiment, folder: Path, jobs: int | None, count: int, cluster: RayCluster | None
) -> AbstractContextManager[RunWorkers]:
    """Who trains so many runs."""
    if cluster is not None:
        return ray_tasks(cluster, experiment, folder, jobs)
    on_cpu = _device(experiment) == "cpu"
    jobs = jobs or (usable_cores() if on_cpu else len(visible_gpus()))
    return nullcontext(RunProcesses(jobs, max(1, usable_cores() // min(jobs, count))))


def usual_fit() -> Train:
    """Imported here because Lightning takes seconds, and only workers need it."""
    from cotrain.training import fit

    return fit


def in_order(runs: Mapping[str, Sequence[Run]]) -> list[Run]:
    """Seed after seed, so that a failure of any candidate shows early; within a seed the most
    networks first, which take longest."""
    return [run for of_seed in zip(*runs.values(), strict=True) for run in reversed(of_seed)]


def _of_seeds(runs: Sequence[Run], seeds: Sequence[int]) -> list[Run]:
    return [run for run in runs if run.experiment.seed in seeds]


@contextmanager
def stopping() -> Iterator[None]:
    """Signals stop the work inside; they say how to go on."""
    try:
        with stoppable():
            yield
    except StopAsked as asked:
        message = "comparison interrupted: the same command goes on from where it stopped"
        raise Interrupted(message, asked.number) from None


def _measured(
    missing: Sequence[Run], known: Mapping[str, float], workers: RunWorkers
) -> dict[str, float]:
    """Seconds of a run of every candidate of which none is finished."""
    first = {run.candidate: run for run in reversed(missing) if run.candidate not in known}
    with at_work("measuring how long runs take"):
        return measure_all(list(first.values()), workers=workers)


def train_missing(
    missing: Sequence[Run], progress: Progress, train: Train, workers: RunWorkers
) -> None:
    """Train what is not finished, and print a line for each."""

    def report(run: Run) -> None:
        error = read_run(run.folder).given.errors.mean()
        time = "" if run.seconds is None else f", {run.seconds:.0f} s"
        place = progress.finished(run)
        left = progress.time_left()
        _console().print(f"{place}: {run}: error {error:.2f} %{time}{left}", markup=False)

    jobs = min(workers.jobs, len(missing))
    with at_work(f"training, {jobs} at a time", progress.line, every=_LINE_SECONDS):
        train_all(missing, train=train, workers=workers, done=report)


def _console() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True)
