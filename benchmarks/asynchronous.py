"""Networks trained without waiting, against together: ``python benchmarks/asynchronous.py``.

The digits recipe with 320 images to train on, 1,477 to test on, batches of 16 (20 steps an epoch),
20 epochs, S = 2 networks on three seeds and S = 4 on two: co-trained in one process, independent,
and one process a network that exchanges what it says by files every so many steps, all at once on
the machine's cores. Two more rows for S = 4: a network that is three times slower than the others,
and one that is killed halfway and gone on with when the others have ended. Runs in the folder are
not trained again.
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
from common import quality, spread, write_results

from cotrain.basics.run_folder import RunFolder
from cotrain.config import Experiment
from cotrain.config.recipes import load_recipe
from cotrain.evaluation.assembling.of_runs import assemble_runs
from cotrain.evaluation.evaluate import evaluate_ensemble
from cotrain.evaluation.scores import Scores
from cotrain.training import fit

SEEDS = {2: (0, 1, 2), 4: (0, 1)}  # by S
EPOCHS, STEPS = 20, 20
DIGITS = load_recipe(
    "digits", ["data.train_images=320", "batch_size=16", f"epochs={EPOCHS}", "optimizer.lr=0.05"]
)
PROCESSES = multiprocessing.get_context("fork")
SLOWER, KILLED = 3, 9  # times as slow; the exit code of a killed process


@dataclass(frozen=True, kw_only=True)
class Row:
    """How S networks are trained.

    Args:
        weight: Of the divergence.
        every: Steps after which members exchange; None trains all in one process.
        slow: Whether the last member is slower.
        killed: Whether it is killed halfway.
    """

    weight: float = DIGITS.co_training.weight
    every: int | None = None
    slow: bool = False
    killed: bool = False


ROWS: Mapping[str, Row] = {
    "together": Row(),
    "independent": Row(weight=0.0),
    "apart, every step": Row(every=1),
    "apart, every 10 steps": Row(every=10),
    "apart, every epoch": Row(every=STEPS),
}
FAULTS: Mapping[str, Row] = {
    "apart, every 10 steps, one 3 times slower": Row(every=10, slow=True),
    "apart, every 10 steps, one killed halfway": Row(every=10, killed=True),
}


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
        if trainer.current_epoch == EPOCHS // 2:
            os._exit(KILLED)


def experiment(seed: int, into: int, row: Row, member: int | None = None) -> Experiment:
    """The settings of one training."""
    options = replace(DIGITS.co_training, weight=row.weight)
    if member is not None and row.every is not None:
        options = replace(options, member=member, exchange_steps=row.every)
    hardware = replace(DIGITS.hardware, accelerator="cpu", threads=1)
    return replace(DIGITS, into=into, seed=seed, co_training=options, hardware=hardware)


def train_member(settings: Experiment, folder: Path, callbacks: Sequence[Any]) -> None:
    """In a process of its own."""
    fit(settings, folder, progress=False, callbacks=callbacks)


def train_apart(folder: Path, seed: int, into: int, row: Row) -> list[Path]:
    """All members at once, each in a process; their runs."""
    runs = [RunFolder(folder).of_member(member) for member in range(into)]
    processes = []
    for member, run in enumerate(runs):
        if run.evaluation.is_file():
            continue
        last = member == into - 1
        callbacks = [Slow()] * (last and row.slow) + [Killed()] * (last and row.killed)
        arguments = experiment(seed, into, row, member), folder, callbacks
        processes.append(PROCESSES.Process(target=train_member, args=arguments))
        processes[-1].start()
    for process in processes:
        process.join()
    for member, run in enumerate(runs):
        if not run.evaluation.is_file():  # it was killed
            settings = experiment(seed, into, row, member)
            fit(settings, run.root, resume=True, progress=False)
    return [run.root for run in runs]


def mean_of(runs: Sequence[Path], column: str) -> float:
    """The mean of a column of the runs' metrics, over their epochs from the second on."""
    found = []
    for run in runs:
        with open(RunFolder(run).metrics, newline="") as file:
            found += [float(line[column]) for line in list(csv.DictReader(file))[1:]]
    known = [each for each in found if each == each]
    return fmean(known) if known else nan


def tested(root: Path, seed: int, into: int, name: str, row: Row) -> tuple[Scores, list[Path]]:
    """Scores of the ensemble on the test images, and the runs of members."""
    folder = root / f"{name}-s{into}-seed{seed}".replace(" ", "-").replace(",", "")
    if row.every is None:
        run = RunFolder(folder)
        settings = experiment(seed, into, row)
        if not run.evaluation.is_file():
            fit(settings, folder, resume=run.config.exists(), progress=False)
        runs = [folder]
    else:
        runs = train_apart(folder, seed, into, row)
    found = assemble_runs(runs)
    scores = evaluate_ensemble(found.ensemble, found.splits, batch_size=64).evaluation.ensemble
    return scores, runs if row.every else []


def summary(rows: Sequence[tuple[Scores, list[Path]]]) -> dict[str, Any]:
    """Quality over the seeds, and how much was known of the others, and how old it was."""
    made: dict[str, Any] = quality([scores for scores, _ in rows])
    if rows[0][1]:
        for column in ("others_known", "others_lag"):
            made[column] = spread([mean_of(runs, column) for _, runs in rows])
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs")
    root = parser.parse_args().runs
    torch.set_num_threads(1)
    found: dict[str, list[tuple[Scores, list[Path]]]] = defaultdict(list)
    for into, seeds in SEEDS.items():
        rows = {**ROWS, **(FAULTS if into == 4 else {})}
        for seed in seeds:
            for name, row in rows.items():
                found[f"S={into}, {name}"].append(tested(root, seed, into, name, row))
    results = {name: summary(each) for name, each in found.items()}
    for name, made in results.items():
        print(name, {key: round(each["mean"], 4) for key, each in made.items()})
    facts = {"seeds": SEEDS, "epochs": EPOCHS, "steps_per_epoch": STEPS, "test_images": 1477}
    print(write_results("asynchronous", {**facts, "results": results}))


if __name__ == "__main__":
    main()
