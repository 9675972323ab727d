"""A share of a comparison's runs, trained beside the others that others train: array jobs."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cotrain.basics.errors import ConfigError
from cotrain.basics.lock import locked
from cotrain.basics.run_folder import RunFolder
from cotrain.comparison.accuracy.all_runs import (
    checked_output,
    in_order,
    runs_of,
    stopping,
    train_missing,
    usual_fit,
    workers_of,
)
from cotrain.comparison.accuracy.budget import known_seconds
from cotrain.comparison.accuracy.candidates import Candidate
from cotrain.comparison.accuracy.one_split import check_tests, keep_split, remembered_split
from cotrain.comparison.accuracy.peers import check_built
from cotrain.comparison.accuracy.progress import Progress
from cotrain.comparison.accuracy.run import Run
from cotrain.comparison.accuracy.trainings import Train
from cotrain.config import Experiment
from cotrain.data import Splits


@dataclass(frozen=True, kw_only=True)
class Only:
    """Every so many runs one, as they stand in a comparison's order.

    Args:
        number: Which share, from 1.
        of: How many there are.
    """

    number: int
    of: int

    def __str__(self) -> str:
        return f"share {self.number} of {self.of}"


def read_only(text: str, *, budget_minutes: float | None, cluster: str | None) -> Only:
    """The share that a text such as ``2/12`` names.

    Raises:
        ConfigError: It names none, or stands beside what shares runs out itself.
    """
    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise ConfigError(f"only={text} is no share: give one such as 2/12, the second of twelve")
    for name, value in (("budget_minutes", budget_minutes), ("cluster", cluster)):
        if value is not None:
            raise ConfigError(f"only={text} and {name}={value} exclude each other: leave one out")
    return Only(number=int(found[1]), of=int(found[2]))


def train_only(
    only: Only,
    experiment: Experiment,
    candidates: Sequence[Candidate],
    seeds: Sequence[int],
    output: Path | str,
    *,
    jobs: int | None = None,
    train: Train | None = None,
) -> None:
    """Train a share of the runs into a folder into which others train theirs at the same time.

    Whoever comes first draws the split that all train and test on.

    Args:
        only: Which share.
        experiment: What all share.
        candidates: All that are compared.
        seeds: All seeds.
        output: Folder of the runs; finished ones are kept, begun ones gone on with.
        jobs: Trainings at once here; None is one a core on the CPU, and one a GPU.
        train: Importable function to train a run; ``cotrain.training.fit`` if None.

    Raises:
        ConfigError: As ``train_candidates``.
        TrainingError: A run failed, or is being trained by another; the message names it.
        Interrupted: Ctrl-C; what was trained is kept.
    """
    folder = checked_output(experiment, output, jobs)
    check_tests(folder)
    count = math.ceil(len(candidates) * len(seeds) / only.of)
    with stopping(), workers_of(experiment, folder, jobs, count, None) as workers:
        runs = {each.name: runs_of(each, seeds, folder, workers.threads) for each in candidates}
        every = in_order(runs)
        mine = every[only.number - 1 :: only.of]
        missing = [run for run in mine if not run.is_finished()]
        if missing:
            check_built(missing, _split(experiment, RunFolder(folder), every))
            progress = Progress(mine, known_seconds(every), workers.jobs)
            train_missing(missing, progress, train or usual_fit(), workers)


def _split(experiment: Experiment, folder: RunFolder, every: Sequence[Run]) -> Splits:
    """The split that all have, drawn by whoever is first while the others wait."""
    if not folder.split.exists():
        with locked(folder.root, patience=math.inf):
            if not folder.split.exists():
                return keep_split(experiment, folder, remembered_split(folder, every))
    return keep_split(experiment, folder, remembered_split(folder, every))
