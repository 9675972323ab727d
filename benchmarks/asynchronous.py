"""Networks trained without waiting, against together: ``python benchmarks/asynchronous.py``.

The digits recipe with 320 images to train on, 1,477 to test on, batches of 16 (20 steps an epoch),
20 epochs; or with ``--cifar10 FOLDER`` the recipe ``cifar10-small`` with 2,560 images, 5,000 to
test on, batches of 64 (40 steps an epoch), 10 epochs. S = 2 and S = 4 networks, three seeds:
co-trained in one process, independent, and one process a network that exchanges what it says by
files every so many steps, all at once on the machine's cores. Two more rows for S = 4 on digits: a
network that is three times slower than the others, and one that is killed halfway and gone on with
when the others have ended. Runs in the folder are not trained again.
"""

import argparse
import csv
import multiprocessing
import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan
from pathlib import Path
from statistics import fmean
from typing import Any

import pytorch_lightning as lightning
import torch
from common import plus_minus, quality, spread, write_results

from cotrain.basics.run_folder import RunFolder
from cotrain.config import Experiment
from cotrain.config.recipes import load_recipe
from cotrain.evaluation.assembling.of_runs import assemble_runs
from cotrain.evaluation.evaluate import evaluate_ensemble
from cotrain.evaluation.scores import Scores
from cotrain.training import fit

SEEDS, SIZES = (0, 1, 2), (2, 4)
PROCESSES = multiprocessing.get_context("fork")
SLOWER, KILLED = 3, 9  # times as slow; the exit code of a killed process


@dataclass(frozen=True, kw_only=True)
class Row:
    """How S networks are trained.

    Args:
        weight: Of the divergence; the recipe's if None.
        every: Steps after which members exchange; None trains all in one process.
        slow: Whether the last member is slower.
        killed: Whether it is killed halfway.
    """

    weight: float | None = None
    every: int | None = None
    slow: bool = False
    killed: bool = False


def digits() -> Experiment:
    settings = ["data.train_images=320", "batch_size=16", "epochs=20", "optimizer.lr=0.05"]
    return load_recipe("digits", settings)


def cifar10(root: Path) -> Experiment:
    settings = [f"data.root={root}", "data.train_images=2560", "epochs=10"]
    return load_recipe("cifar10-small", [*settings, "schedule.warmup_epochs=0.7"])


def steps_of(recipe: Experiment) -> int:
    """Steps of an epoch."""
    assert recipe.data.train_images is not None
    return recipe.data.train_images // recipe.batch_size


def rows_of(recipe: Experiment, into: int) -> Mapping[str, Row]:
    """How S networks are trained, by name; with faults where digits are divided into 4."""
    rows = {
        "together": Row(),
        "independent": Row(weight=0.0),
        "apart, every step": Row(every=1),
        "apart, every 10 steps": Row(every=10),
        "apart, every epoch": Row(every=steps_of(recipe)),
    }
    if recipe.data.dataset == "digits" and into == 4:
        rows["apart, every 10 steps, one 3 times slower"] = Row(every=10, slow=True)
        rows["apart, every 10 steps, one killed halfway"] = Row(every=10, killed=True)
    return rows


class Slow(lightning.Callback):
    """Takes so many times as long for every step."""

    def on_train_batch_start(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        batch: Any,
        batch_idx: int,
    ) -> None:
        self.begun = time.perf_counter()

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        time.sleep((SLOWER - 1) * (time.perf_counter() - self.begun))


class Killed(lightning.Callback):
    """Ends the process halfway, as a signal would that nobody catches."""

    def on_train_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        if 2 * trainer.current_epoch == trainer.max_epochs:
            os._exit(KILLED)


def experiment(
    recipe: Experiment, seed: int, into: int, row: Row, member: int | None = None
) -> Experiment:
    """The settings of one training."""
    options = recipe.co_training
    if row.weight is not None:
        options = replace(options, weight=row.weight)
    if member is not None and row.every is not None:
        options = replace(options, member=member, exchange_steps=row.every)
    hardware = replace(recipe.hardware, accelerator="cpu", threads=1)
    return replace(recipe, into=into, seed=seed, co_training=options, hardware=hardware)


def train(settings: Experiment, folder: Path, callbacks: Sequence[Any] = ()) -> None:
    """Begin a run or go on with it, unless it has ended."""
    own, member = RunFolder(folder), settings.co_training.member
    if member is not None:
        own = own.of_member(member)
    if not own.evaluation.is_file():
        begun = own.config.exists()
        place = own.root if begun else folder
        fit(settings, place, resume=begun, progress=False, callbacks=callbacks)


def at_once(trainings: Sequence[tuple[Any, ...]]) -> None:
    """Each in a process, all at the same time."""
    processes = [PROCESSES.Process(target=train, args=each) for each in trainings]
    for process in processes:
        process.start()
    for process in processes:
        process.join()


def train_apart(recipe: Experiment, folder: Path, seed: int, into: int, row: Row) -> list[Path]:
    """All members at once; their runs."""
    settings = [experiment(recipe, seed, into, row, member) for member in range(into)]
    faults = [Slow()] * row.slow + [Killed()] * row.killed
    at_once([(each, folder, faults if each is settings[-1] else []) for each in settings])
    for each in settings:
        train(each, folder)  # one that was killed
    return [RunFolder(folder).of_member(member).root for member in range(into)]


def mean_of(runs: Sequence[Path], column: str) -> float:
    """The mean of a column of the runs' metrics, over their epochs from the second on."""
    found = []
    for run in runs:
        with open(RunFolder(run).metrics, newline="") as file:
            found += [float(line[column]) for line in list(csv.DictReader(file))[1:]]
    known = [each for each in found if each == each]
    return fmean(known) if known else nan


def tested(
    recipe: Experiment, root: Path, seed: int, into: int
) -> dict[str, tuple[Scores, list[Path]]]:
    """Scores of each row's ensemble on the test images, and the runs of its members."""
    rows = rows_of(recipe, into)
    folders = {
        name: root / f"{name}-s{into}-seed{seed}".replace(" ", "-").replace(",", "")
        for name in rows
    }
    whole = [name for name, row in rows.items() if row.every is None]
    at_once([(experiment(recipe, seed, into, rows[name]), folders[name]) for name in whole])
    found = {}
    for name, row in rows.items():
        folder = folders[name]
        runs = [] if name in whole else train_apart(recipe, folder, seed, into, row)
        made = assemble_runs(runs or [folder])
        scores = evaluate_ensemble(made.ensemble, made.splits, batch_size=64).evaluation.ensemble
        found[name] = scores, runs
    return found


def summary(rows: Sequence[tuple[Scores, list[Path]]]) -> dict[str, Any]:
    """Quality over the seeds, and how much was known of the others, and how old it was."""
    made: dict[str, Any] = quality([scores for scores, _ in rows])
    if rows[0][1]:
        for column in ("others_known", "others_lag"):
            made[column] = spread([mean_of(runs, column) for _, runs in rows])
    return made


def table(results: Mapping[str, Any]) -> list[str]:
    """The rows of ``docs/several-machines.md``."""
    rows = []
    for name, row in results.items():
        into, trained = name.removeprefix("S=").split(", ", 1)
        known, lag = "", ""
        if "others_known" in row:
            known = f"{100 * row['others_known']['mean']:.0f}"
            lag = f"{row['others_lag']['mean']:.1f}"
        rows.append(
            f"| {into} | {trained} | {plus_minus(row['error'], 2)} "
            f"| {row['nll']['mean']:.3f} | {known} | {lag} |"
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--cifar10", type=Path, help="folder of train/ and test/, a folder a class")
    given = parser.parse_args()
    recipe = digits() if given.cifar10 is None else cifar10(given.cifar10)
    torch.set_num_threads(1)
    found: dict[str, list[tuple[Scores, list[Path]]]] = defaultdict(list)
    for into in SIZES:
        for seed in SEEDS:
            for name, each in tested(recipe, given.runs, seed, into).items():
                found[f"S={into}, {name}"].append(each)
                print(
                    f"S={into}, {name}, seed {seed}: error {100 * (1 - each[0].top1):.2f} %",
                    flush=True,
                )
    results = {name: summary(each) for name, each in found.items()}
    print(*table(results), sep="\n")
    facts = {"seeds": SEEDS, "epochs": recipe.epochs, "steps_per_epoch": steps_of(recipe)}
    name = "asynchronous" if given.cifar10 is None else "asynchronous-cifar10"
    print(write_results(name, {**facts, "results": results}))


if __name__ == "__main__":
    main()
