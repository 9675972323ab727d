"""Does it help to start S networks from a trained large network? Against fresh ones, measured.

A large network is trained; then it is divided into S=2 and S=4, once with inherited and once with
fresh weights, and both are co-trained for the same few epochs, each with its own full schedule.
The third arm trains the large network itself as much longer. All arms see the same images with the
same settings. "before" is the ensemble as it starts, "statistics" the same with BatchNorm's running
statistics taken anew from the training images, which needs no gradients. The default is
Fashion-MNIST in 16x16 pixels:

    python benchmarks/inherit.py --root data            # holds FashionMNIST/raw
    python benchmarks/inherit.py --root images --dataset imagefolder
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from common import write_results
from torch.optim.swa_utils import update_bn

from cotrain.config import Experiment
from cotrain.config.recipes import load_recipe
from cotrain.data import evaluation_loader
from cotrain.evaluation.evaluate import evaluate_ensemble
from cotrain.training import fit
from cotrain.training.from_experiment import experiment_ensemble, experiment_images

ARMS = (
    ("large, trained on", 1, True),
    ("inherited", 2, True),
    ("fresh", 2, False),
    ("inherited", 4, True),
    ("fresh", 4, False),
)


def experiment_of(arguments: argparse.Namespace) -> Experiment:
    """The recipe for Fashion-MNIST with fewer and smaller images, for any number of epochs."""
    recipe = load_recipe("fashion-mnist")
    data = replace(
        recipe.data,
        dataset=arguments.dataset,
        root=arguments.root,
        train_images=arguments.images,
        test_images=arguments.test_images,
        image_size=arguments.size,
    )
    return replace(recipe, data=data, hardware=replace(recipe.hardware, threads=1))


def for_epochs(experiment: Experiment, epochs: int, lr: float) -> Experiment:
    """Cosine over all epochs after a warm-up of 7 % of them, as the recipe has it."""
    schedule = replace(experiment.schedule, warmup_epochs=0.07 * epochs)
    optimizer = replace(experiment.optimizer, lr=lr)
    return replace(experiment, epochs=epochs, schedule=schedule, optimizer=optimizer)


def untrained(experiment: Experiment) -> dict[str, dict[str, float]]:
    """How good the ensemble is before it is trained."""
    splits = experiment_images(experiment)
    ensemble = experiment_ensemble(experiment, splits)
    before = evaluate_ensemble(ensemble, splits, batch_size=500).evaluation
    images = evaluation_loader(splits.train, preprocessing=splits.preprocessing, batch_size=500)
    for network in ensemble.networks:
        update_bn(images, network)
    statistics = evaluate_ensemble(ensemble, splits, batch_size=500).evaluation
    return {"before": scores(before), "statistics": scores(statistics)}


def scores(evaluation: Any) -> dict[str, float]:
    """The ensemble's accuracy and NLL."""
    return {"top1": evaluation.ensemble.top1, "nll": evaluation.ensemble.nll}


def runs(arguments: argparse.Namespace, folder: Path) -> Iterator[dict[str, Any]]:
    """Every arm with every budget, from one large network for each seed."""
    base = experiment_of(arguments)
    for seed in range(arguments.seeds):
        large = replace(base, into=1, seed=seed)
        trained = folder / f"large-{seed}"
        result = fit(for_epochs(large, arguments.large_epochs, 0.1), trained, progress=False)
        yield {
            "seed": seed,
            "arm": "large",
            "into": 1,
            "epochs": 0,
            "after": scores(result.evaluation),
        }
        for epochs, (arm, into, inherits) in product(arguments.budgets, ARMS):
            source = str(trained) if inherits else None
            # Other views and orders than the large network's own training had.
            one = replace(base, into=into, seed=1000 + seed, inherit=source)
            one = for_epochs(one, epochs, arguments.lr)
            start = untrained(one)
            result = fit(one, folder / f"{seed}-{epochs}-{arm}-{into}", progress=False)
            where = {"seed": seed, "arm": arm, "into": into, "epochs": epochs}
            yield {**where, **start, "after": scores(result.evaluation)}


def table(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Means and standard deviations over the seeds."""
    groups: dict[tuple, list] = {}
    for row in rows:
        groups.setdefault((row["epochs"], row["into"], row["arm"]), []).append(row)
    lines = []
    for (epochs, into, arm), members in groups.items():
        line = {"epochs": epochs, "into": into, "arm": arm, "n": len(members)}
        for when, what in product(("before", "statistics", "after"), ("top1", "nll")):
            values = [member[when][what] for member in members if when in member]
            if values:
                line[f"{when} {what}"] = mean(values)
                line[f"{when} {what} std"] = stdev(values) if len(values) > 1 else 0.0
        lines.append(line)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", required=True)
    parser.add_argument("--dataset", default="fashion_mnist")
    parser.add_argument("--images", type=int, default=2000, help="for training")
    parser.add_argument("--test-images", type=int, default=2000)
    parser.add_argument("--size", type=int, default=16)
    parser.add_argument("--large-epochs", type=int, default=12)
    parser.add_argument("--budgets", type=int, nargs="+", default=[1, 2, 5])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--lr", type=float, default=0.05, help="of all arms, after the large one")
    parser.add_argument("--name", default="inherit", help="of the file of results")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for row in runs(arguments, Path(folder)):
            print(row, flush=True)
            rows.append(row)
    write_results(
        arguments.name, {"settings": vars(arguments), "summary": table(rows), "runs": rows}
    )


if __name__ == "__main__":
    main()
