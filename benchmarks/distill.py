"""One network that answers as four do: ``python benchmarks/distill.py --runs FOLDER``.

All on the digits recipe with 200 images to train on, 50 that select the epoch, and the other 1,547
to test on; the same split for all, 60 epochs, three seeds. The soups are of three runs of S=1 that
inherit from one run of 30 epochs, train 30 more, and differ in seed and learning rate; the best of
them by the validation images stands beside. Runs in the folder are not trained again.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from common import of_runs, trained, write_results

from cotrain.basics.run_folder import RunFolder
from cotrain.config import Teacher
from cotrain.config.recipes import load_recipe
from cotrain.ensemble import load_shipped
from cotrain.evaluation.evaluate import evaluate_ensemble
from cotrain.evaluation.run_scores import RunScores, run_scores
from cotrain.evaluation.soup import soup_of_runs

SEEDS = (0, 1, 2)
DIGITS = load_recipe("digits", ["data.train_images=250", "data.validation=0.2"])
# What is trained beside S=1 and S=4, by name: settings, and the run that teaches.
STUDENTS: Mapping[str, tuple[dict[str, Any], str | None]] = {
    "one small alone": ({"into": 1, "sized_for": 4}, None),
    "S=1 taught by S=4": ({"into": 1}, "S=4"),
    "one small taught by S=4": ({"into": 1, "sized_for": 4}, "S=4"),
    "S=4 taught by S=1": ({"into": 4}, "S=1"),
    "S=1 taught by S=1": ({"into": 1}, "S=1"),
}


def scores_of_soup(seed: int, root: Path) -> dict[str, Any]:
    """The soup of a seed and the run that it began with, on the test images."""
    settings = replace(DIGITS, into=1, epochs=30, seed=seed)
    start = trained(settings, root / f"start-seed{seed}")
    runs = []
    for index, rate in enumerate((0.1, 0.05, 0.02)):
        own = replace(settings, seed=100 * seed + index, inherit=str(start.root))
        own = replace(own, optimizer=replace(own.optimizer, lr=rate))
        runs.append(trained(own, root / f"tuned{index}-seed{seed}").root)
    soup = soup_of_runs(runs)
    best = load_shipped(Path(soup.ingredients[0].name))
    tested = {
        name: evaluate_ensemble(each, soup.splits, batch_size=64).evaluation.ensemble
        for name, each in {"best of three runs": best, "soup of three runs": soup.ensemble}.items()
    }
    spec = soup.ensemble.spec
    rows = {
        name: RunScores(name=name, into=1, scores=each, params=spec.params, macs=spec.macs)
        for name, each in tested.items()
    }
    return {"taken": sum(each.taken for each in soup.ingredients), "rows": rows}


def runs_of(seed: int, root: Path) -> dict[str, RunFolder]:
    """The runs of one seed by name."""
    settings = replace(DIGITS, seed=seed, hardware=replace(DIGITS.hardware, accelerator="cpu"))

    def folder(name: str) -> Path:
        return root / f"{name.replace(' ', '-')}-seed{seed}"

    found = {f"S={s}": trained(replace(settings, into=s), folder(f"S={s}")) for s in (1, 4)}
    for name, (own, teacher) in STUDENTS.items():
        run = None if teacher is None else str(found[teacher].root)
        experiment = replace(settings, **own, teacher=Teacher(run=run))
        found[name] = trained(experiment, folder(name))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs")
    root = parser.parse_args().runs
    torch.set_num_threads(1)
    every = [run_scores(runs_of(seed, root)) for seed in SEEDS]
    soups = [scores_of_soup(seed, root) for seed in SEEDS]
    every = [[*rows, *soup["rows"].values()] for rows, soup in zip(every, soups, strict=True)]
    by_name = {rows[0].name: of_runs(list(rows)) for rows in zip(*every, strict=True)}
    for name, row in by_name.items():
        print(name, {key: row[key]["mean"] for key in ("error", "nll", "ece")}, row["macs"])
    facts = {"seeds": SEEDS, "test_images": 1547, "taken": [each["taken"] for each in soups]}
    print(write_results("distill", {**facts, "results": by_name}))


if __name__ == "__main__":
    main()
