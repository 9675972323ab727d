"""A duo, and networks picked greedily, on the digits: ``python benchmarks/duo.py --runs FOLDER``.

All on the digits recipe with 200 images to train on, 64 that select the epoch and pick networks, 56
that temperatures and weights are fitted on, and the other 1,477 to test on; the same split for all,
60 epochs, five seeds. A duo is the large network and a companion of 14 % of its MACs, trained apart
as in arXiv:2505.18636, or co-trained. Four small networks are those of S=4: co-trained,
independent, or picked of the independent ones of one run or two. Runs in the folder are not trained
again.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from common import quality, spread, trained, write_results

from cotrain.config import Experiment
from cotrain.config.recipes import load_recipe
from cotrain.ensemble import load_shipped
from cotrain.evaluation.assembling.choosing import Select, WeightsOf
from cotrain.evaluation.assembling.of_runs import assemble_runs
from cotrain.evaluation.calibration.calibrate import calibrate
from cotrain.evaluation.evaluate import evaluate_ensemble
from cotrain.evaluation.scores import Scores

SEEDS = (0, 1, 2, 3, 4)
SECOND = 100  # added to a seed for another run of it
DIGITS = load_recipe(
    "digits", ["data.train_images=320", "data.validation=0.2", "data.calibration=56"]
)
LARGE, COMPANION = DIGITS.network, "basic_resnet8_12"
# What is trained, by name.
TRAINED: Mapping[str, dict[str, Any]] = {
    "large": {"into": 1},
    "companion": {"network": COMPANION, "into": 1},
    "duo": {"network": f"{LARGE},{COMPANION}", "into": 2},
    "four": {"into": 4},
    "independent": {"into": 4, "weight": 0.0},
    "second": {"into": 4, "weight": 0.0},  # with other seeds
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """What is tested: networks of runs, put together.

    Args:
        runs: Names of what was trained.
        select: Which of their networks.
        weights: What each counts.
        calibrated: Answer as ``cotrain calibrate`` of the one run chooses.
    """

    runs: tuple[str, ...]
    select: Select = "all"
    weights: WeightsOf = "equal"
    calibrated: bool = False


ROWS: Mapping[str, Row] = {
    "large network": Row(runs=("large",)),
    "large network, temperature": Row(runs=("large",), weights="fitted"),
    "companion": Row(runs=("companion",)),
    "duo, apart, equal": Row(runs=("large", "companion")),
    "duo, apart, fitted": Row(runs=("large", "companion"), weights="fitted"),
    "duo, co-trained, equal": Row(runs=("duo",)),
    "duo, co-trained, fitted": Row(runs=("duo",), weights="fitted"),
    "duo, co-trained, calibrated": Row(runs=("duo",), calibrated=True),
    "S=4, co-trained": Row(runs=("four",)),
    "S=4, co-trained, fitted": Row(runs=("four",), weights="fitted"),
    "S=4, independent": Row(runs=("independent",)),
    "greedy of 4": Row(runs=("independent",), select="greedy", weights="auto"),
    "greedy of 8": Row(runs=("independent", "second"), select="greedy", weights="auto"),
}


def experiment(seed: int, into: int, network: str = LARGE, weight: float = 0.5) -> Experiment:
    """The settings of one training."""
    return replace(
        DIGITS,
        network=network,
        into=into,
        seed=seed,
        co_training=replace(DIGITS.co_training, weight=weight),
        hardware=replace(DIGITS.hardware, accelerator="cpu"),
    )


def tested(seed: int, row: Row, root: Path) -> tuple[Scores, int]:
    """Scores on the test images, and the MACs of an answer."""
    settings = {
        name: experiment(seed + SECOND * (name == "second"), **TRAINED[name]) for name in row.runs
    }
    runs = [trained(each, root / f"{name}-seed{seed}").root for name, each in settings.items()]
    found = assemble_runs(runs, select=row.select, weights=row.weights)
    ensemble = found.ensemble
    if row.calibrated:
        calibrate(runs[0])
        ensemble = load_shipped(runs[0])
    result = evaluate_ensemble(ensemble, found.splits, batch_size=64)
    return result.evaluation.ensemble, ensemble.spec.macs


def summary(rows: list[tuple[Scores, int]], large: list[tuple[Scores, int]]) -> dict[str, Any]:
    """Mean and deviation over the seeds, also of what is won beside the large network."""
    scores, beside = ([each for each, _ in some] for some in (rows, large))
    won = [100 * (other.top1 - each.top1) for each, other in zip(scores, beside, strict=True)]
    return {
        "macs_ratio": mean(each for _, each in rows) / mean(each for _, each in large),
        **quality(scores),
        "error_less_large": spread(won),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs")
    root = parser.parse_args().runs
    torch.set_num_threads(1)
    found = {name: [tested(seed, row, root) for seed in SEEDS] for name, row in ROWS.items()}
    results = {name: summary(each, found["large network"]) for name, each in found.items()}
    for name, row in results.items():
        means = {key: round(row[key]["mean"], 4) for key in ("error", "nll", "ece")}
        print(f"{name}: {means}, less the large network {row['error_less_large']['runs']}")
    facts = {"seeds": SEEDS, "test_images": 1477, "large": LARGE, "companion": COMPANION}
    print(write_results("duo", {**facts, "results": results}))


if __name__ == "__main__":
    main()
