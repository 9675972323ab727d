"""The large network against S small ones of the same cost: one schedule, several seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from cotrain.basics.errors import ConfigError, Interrupted
from cotrain.basics.lock import locked
from cotrain.basics.machine import Machine, hardware, usable_cores
from cotrain.basics.output import output_folder
from cotrain.basics.processes import StopAsked, stoppable
from cotrain.basics.run_folder import RunFolder
from cotrain.comparison.accuracy.candidates import LARGE, Candidate, list_candidates
from cotrain.comparison.accuracy.one_split import keep_split, remembered_split
from cotrain.comparison.accuracy.trainings import Run, Train, train_all, visible_gpus
from cotrain.comparison.accuracy.verdicts import (
    CandidateResult,
    judge,
    read_answers,
    read_run,
)
from cotrain.config import Experiment
from cotrain.config.recipes import load_recipe
from cotrain.data.datasets import check_outside_images
from cotrain.ensemble.cost import cost_of
from cotrain.ensemble.ensemble import Ensemble
from cotrain.execution.timing import measure_latency


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What ``comparison.json`` holds.

    Args:
        candidates: One result each; the large network first, where it is among them.
        experiment: The settings that all share; its ``into`` and ``seed`` are not used.
        seeds: The K seeds that every candidate was trained with.
        images: N test images.
        machine: What the times were measured on.
        device: Where the latency was measured: ``cpu`` or ``cuda``.
        threads: CPU threads of PyTorch while the latency was measured.
        jobs: Trainings that ran at once, which matters for their times.
        training_threads: CPU threads of PyTorch in the trainings; several where some were begun
            with another number, null where a run of an earlier version does not say.
    """

    candidates: tuple[CandidateResult, ...]
    experiment: Experiment
    seeds: tuple[int, ...]
    images: int
    machine: Machine
    device: str
    threads: int
    jobs: int
    training_threads: tuple[int | None, ...]

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON-able values."""
        return asdict(self)


def compare(
    experiment: Experiment,
    output: Path | str,
    *,
    into: Sequence[int] = (1, 2, 4),
    seeds: Sequence[int] = (0, 1, 2),
    independent: bool = True,
    ablations: Sequence[str] = (),
    sweep: Sequence[float] = (),
    varied: Sequence[int] = (),
    jobs: int | None = None,
    train: Train | None = None,
) -> Comparison:
    """Train every candidate with every seed, and compare them with the large network (S=1).

    Runs stand in ``output`` as ``s4-seed0`` and so on. One that is finished is not trained again,
    and one that was begun is resumed: a comparison that was stopped goes on when it is started
    again. All are trained and tested on one split, which ``output`` remembers.
    ``cotrain.report.accuracy`` writes the result.

    Args:
        experiment: What all candidates share; ``into`` and ``seed`` come from here instead.
        output: Folder of the runs.
        into: Each S to train; without 1 there is no large network to compare with.
        seeds: Seeds of the training.
        independent: Train the largest S without co-training too, as independent networks.
        ablations: Train the largest S without each of these too: views, loss, init, separate.
        sweep: Train the largest S with each of these weights of the co-training loss too.
        varied: Each S for which independent, ablations and sweep hold, instead of the largest.
        jobs: Trainings at once, in processes that share the cores; None is one a core on the CPU,
            and one a GPU. Each is on one GPU.
        train: Importable function to train a run; ``cotrain.training.fit`` if None.

    Raises:
        ConfigError: Settings that do not fit, an ``output`` with runs of other settings or images,
            or images that are not those that it remembers.
        TrainingError: A run failed; the message names it.
        Interrupted: Ctrl-C; what was trained is kept.
    """
    lists = {"into": into, "seeds": seeds, "ablation": ablations, "sweep": sweep, "varied": varied}
    _check(lists, jobs)
    _check_one_device(experiment)
    candidates = list_candidates(experiment, into, independent, ablations, sweep, varied)
    output = output_folder(output)
    check_outside_images(output, experiment.data)
    device = _device(experiment)
    jobs = jobs or (usable_cores() if device == "cpu" else len(visible_gpus()))
    # Of what is asked for, not of what is missing: a comparison goes on with as many.
    threads = max(1, usable_cores() // min(jobs, len(candidates) * len(seeds)))
    with locked(output):
        runs = {each.name: _runs(each, seeds, output, threads) for each in candidates}
        every = _in_order(runs)
        missing = [run for run in every if not run.is_finished()]
        split = remembered_split(RunFolder(output), every)
        if missing:
            keep_split(experiment, RunFolder(output), split)
            _train_missing(missing, len(every), train or _fit(), jobs, threads)
        results, images = _results(candidates, runs, device)
    trained_with = [run.experiment.hardware.threads for each in runs.values() for run in each]
    return Comparison(
        candidates=results,
        experiment=experiment,
        seeds=tuple(seeds),
        images=images,
        machine=hardware(),
        device=device,
        threads=torch.get_num_threads(),
        jobs=jobs,
        training_threads=tuple(dict.fromkeys(trained_with)),
    )


def _check(lists: Mapping[str, Sequence[object]], jobs: int | None) -> None:
    for name, values in lists.items():
        if not values and name in ("into", "seeds"):
            raise ConfigError(f"{name}=[] is empty: give at least one")
        if len(set(values)) < len(values):
            raise ConfigError(f"{name}={list(values)} repeats a value: give each once")
    if jobs is not None and jobs < 1:
        raise ConfigError(f"jobs={jobs} is below 1: give at least 1")


def _check_one_device(experiment: Experiment) -> None:
    """What all runs share does not start processes of its own beside those of the comparison."""
    hardware = experiment.hardware
    for name, value in (("devices", hardware.devices), ("num_nodes", hardware.num_nodes)):
        if value not in ("auto", "1", 1):
            raise ConfigError(
                f"hardware.{name}={value}: a comparison trains every run on one device: "
                "leave it out, and give --jobs for runs side by side"
            )


def _runs(candidate: Candidate, seeds: Sequence[int], output: Path, threads: int) -> list[Run]:
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


def _fit() -> Train:
    """Imported here because Lightning takes seconds, and only workers need it."""
    from cotrain.training import fit

    return fit


def _in_order(runs: Mapping[str, Sequence[Run]]) -> list[Run]:
    """Seed after seed, so that a failure of any candidate shows early; within a seed the most
    networks first, which take longest."""
    return [run for of_seed in zip(*runs.values(), strict=True) for run in reversed(of_seed)]


def _train_missing(
    missing: Sequence[Run], total: int, train: Train, jobs: int, threads: int
) -> None:
    """Train what is not finished, of so many in all, and print a line for each."""
    console = Console(stderr=True, highlight=False)
    numbers = count(total - len(missing) + 1)

    def report(run: Run) -> None:
        error = read_run(run.folder).errors.mean()
        time = "" if run.seconds is None else f", {run.seconds:.0f} s"
        place = f"{next(numbers)} of {total}"
        console.print(f"{place}: {run}: error {error:.2f} %{time}", markup=False)

    jobs = min(jobs, len(missing))
    try:
        with stoppable(), console.status(f"training, {jobs} runs at a time"):
            train_all(missing, train=train, jobs=jobs, threads=threads, done=report)
    except StopAsked as asked:
        message = "comparison interrupted: the same command goes on from where it stopped"
        raise Interrupted(message, asked.number) from None


def _results(
    candidates: Sequence[Candidate], runs: Mapping[str, Sequence[Run]], device: str
) -> tuple[tuple[CandidateResult, ...], int]:
    """A result for every candidate, and the number of test images."""
    answers = read_answers({name: [run.folder for run in each] for name, each in runs.items()})
    ensembles = {
        name: Ensemble.load(each[0].folder.ensemble).to(device) for name, each in runs.items()
    }
    shape = ensembles[candidates[0].name].image_shape
    latencies = measure_latency(ensembles, shape)
    results = tuple(
        judge(
            candidate,
            answers[candidate.name],
            answers.get(LARGE),
            cost=cost_of(ensembles[candidate.name].cpu()),
            latencies=[each for each in latencies if each.name == candidate.name],
            seconds=[run.seconds for run in runs[candidate.name] if run.seconds is not None],
        )
        for candidate in candidates
    )
    return results, len(answers[candidates[0].name].targets)
