"""Train every candidate in a part of its epochs, and say which is ahead before the big run."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.basics.files import atomic_write
from cotrain.basics.machine import Machine, hardware
from cotrain.basics.output import output_folder
from cotrain.basics.run_folder import RunFolder
from cotrain.comparison.accuracy.all_runs import Trained, train_candidates
from cotrain.comparison.accuracy.answers import read_answers
from cotrain.comparison.accuracy.candidates import list_candidates
from cotrain.comparison.accuracy.cluster import RayCluster
from cotrain.comparison.accuracy.trainings import Train
from cotrain.config import Experiment
from cotrain.config.recipes import dump_experiment
from cotrain.data import read_record
from cotrain.planning.pilot.in_words import Extent, pilot_in_words
from cotrain.planning.pilot.leading import Lead, lead_of
from cotrain.planning.pilot.shortening import shortened
from cotrain.planning.pilot.tried import Tried, seconds_together, tried_candidate


@dataclass(frozen=True, kw_only=True)
class Pilot:
    """What ``pilot.json`` holds.

    Args:
        verdict: The result in plain sentences.
        candidates: One result each, in the order of S.
        lead: Who is ahead.
        extent: How much was seen of the big run.
        experiment: The settings of the big run; its ``into`` is the leader's.
        seeds: Those that every candidate was trained with.
        left_out: Seeds that were asked for and did not fit into the time.
        seconds: About what the pilot takes, its runs side by side; None where that is not known.
        whole_seconds: The same of comparing all candidates with these seeds in all epochs, beside
            independent networks, as its command does.
        commands: What comes next: the leader's big run, and comparing all.
        machine: What it was trained on.
        device: Where: ``cpu`` or ``cuda``.
        jobs: Trainings at once.
    """

    verdict: tuple[str, ...]
    candidates: tuple[Tried, ...]
    lead: Lead
    extent: Extent
    experiment: Experiment
    seeds: tuple[int, ...]
    left_out: tuple[int, ...]
    seconds: float | None
    whole_seconds: float | None
    commands: tuple[str, ...]
    machine: Machine
    device: str
    jobs: int

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON-able values."""
        return asdict(self)


def pilot(
    experiment: Experiment,
    output: Path | str,
    *,
    into: Sequence[int] = (1, 2, 4),
    seeds: Sequence[int] = (0, 1, 2),
    length: float = 1 / 3,
    jobs: int | None = None,
    budget_minutes: float | None = None,
    cluster: RayCluster | None = None,
    train: Train | None = None,
) -> Pilot:
    """Train every S in a part of the epochs, and say which is ahead on held-out images.

    All runs train on the training images and are tested on the validation images, once, at the end
    of their whole, shortened schedule; no network sees a test image. Runs stand in ``output`` as a
    comparison's do, and a pilot that was stopped goes on. The big run's recipe stands beside them.

    Args:
        experiment: What the big run trains; ``into`` and ``seed`` come from here instead.
        output: Folder of the runs.
        into: Each S that is considered; 1 is the large network.
        seeds: Seeds of the training.
        length: Share of the epochs.
        jobs: Trainings at once; None is one a core on the CPU, and one a GPU.
        budget_minutes: Train with the first of the seeds, as many as fit into this time.
        cluster: Train on a Ray cluster, instead of in processes of this machine.
        train: Importable function to train a run; ``cotrain.training.fit`` if None.

    Raises:
        ConfigError: Settings that do not fit, an ``output`` with runs of other settings or images,
            or nothing to choose between.
        TrainingError: A run failed; the message names it.
        Interrupted: Ctrl-C; what was trained is kept.
    """
    for name, values, least in (("into", into, 2), ("seeds", seeds, 1)):
        if len(set(values)) < max(least, len(values)):
            raise ConfigError(f"{name}={list(values)}: give at least {least}, each once")
    short, folder = shortened(experiment, length), output_folder(output)
    candidates = list_candidates(short, into, independent=False)
    _hold_out(short, RunFolder(folder))
    trained = train_candidates(
        short,
        candidates,
        seeds,
        folder,
        jobs=jobs,
        train=train,
        budget_minutes=budget_minutes,
        cluster=cluster,
    )
    return _judged(experiment, trained, short.epochs, folder)


def _judged(experiment: Experiment, trained: Trained, epochs: int, folder: Path) -> Pilot:
    """What finished runs of so many epochs show; the big run's recipe is written."""
    answers = read_answers({n: [run.folder for run in r] for n, r in trained.runs.items()}, {})
    errors = {name: each.given.errors for name, each in answers.items()}
    lead = lead_of(errors)
    extent = Extent(
        epochs=epochs,
        of_epochs=experiment.epochs,
        seeds=len(trained.seeds),
        images=next(iter(errors.values())).shape[1],
    )
    every = tuple(
        tried_candidate(runs, errors[name], extent) for name, runs in trained.runs.items()
    )
    leader = next(each for each in every if each.name == lead.leader)
    big = replace(experiment, into=leader.into)
    recipe = folder / "recipe.yaml"
    atomic_write(recipe, dump_experiment(big).encode())
    return Pilot(
        verdict=pilot_in_words(lead, extent),
        candidates=every,
        lead=lead,
        extent=extent,
        experiment=big,
        seeds=trained.seeds,
        left_out=trained.left_out,
        seconds=seconds_together([each.seconds for each in every], extent.seeds, trained.jobs),
        whole_seconds=seconds_together(_compared(experiment, every), extent.seeds, trained.jobs),
        commands=_commands(recipe, folder, [each.into for each in every], trained.seeds),
        machine=hardware(),
        device=trained.device,
        jobs=trained.jobs,
    )


def _compared(experiment: Experiment, every: Sequence[Tried]) -> list[float | None]:
    """Seconds of the big run of each candidate that ``cotrain compare`` trains."""
    seconds = {each.into: each.big_seconds for each in every}
    compared = list_candidates(experiment, list(seconds), independent=True)
    return [seconds[each.experiment.into] for each in compared]


def _hold_out(experiment: Experiment, folder: RunFolder) -> None:
    """Remember the validation images as those that the pilot tests on, before any run asks.

    Raises:
        ConfigError: Images are missing or too few, or none are held out; or the folder remembers
            those of a comparison, which tests on the test images.
    """
    # Imported here because Lightning, which comes with it, takes seconds.
    from cotrain.training.from_experiment import experiment_images

    known = read_record(folder.split)
    if known is None:
        record = experiment_images(experiment).record
        assert record is not None
        record.on_validation().write(folder.split)
    elif not known.is_on_validation:
        raise ConfigError(
            f"{folder.root} remembers the images of a comparison, which tests on the test images: "
            "choose another --output"
        )


def _commands(
    recipe: Path, folder: Path, into: Sequence[int], seeds: Sequence[int]
) -> tuple[str, str]:
    """The leader's big run, and the comparison of all candidates."""
    config = ["--config", str(recipe)]
    lists = {"--into": into, "--seeds": seeds}
    words = [word for flag, each in lists.items() for word in (flag, ",".join(map(str, each)))]
    return (
        shlex.join(["cotrain", "train", *config, "--output", f"{folder}-big"]),
        shlex.join(["cotrain", "compare", *config, *words, "--output", f"{folder}-compare"]),
    )
