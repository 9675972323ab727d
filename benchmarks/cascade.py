"""What asking only some of S networks saves: ``python benchmarks/cascade.py [NAME=RUN,LARGE ...]``.

Each ensemble gets a cascade that may lose 0.1 points of accuracy, fitted to images that it was not
trained on. On the test images: its accuracy and its share of the MACs beside the full ensemble and
the large network; and the time of a batch on the same cores, in interleaved rounds, all of them
with channels_last and folded BatchNorm: the large network, all networks in turn, the cascade.

Without arguments the digits: 200 images to train on, 400 to fit to, 1,197 to test on; S = 4, four
seeds. Else runs that are there, each with the run of its large network: their calibration images
are those in ``--data.root``. Runs are copied, and stay as they are.
"""

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from typing import Any

import torch
from common import write_results

from cotrain.comparison.speed.staged import sample_of, staged_seconds
from cotrain.config import Data, Experiment
from cotrain.config.recipes import load_recipe
from cotrain.ensemble import Ensemble, divide, load_shipped
from cotrain.evaluation.cascade.of_run import cascade_of_run
from cotrain.evaluation.evaluate import evaluate_ensemble
from cotrain.evaluation.images import images_to_test
from cotrain.execution import Acceleration, Execution, prepare
from cotrain.execution.timing import seconds_of, take_turns
from cotrain.training import fit

SEEDS, BATCHES, TOLERANCE = (0, 1, 2, 3), (1, 64), 0.1
LIGHT = Acceleration(channels_last=True, fold=True)


def digits(into: int, seed: int, folder: Path) -> Path:
    """A run of the recipe, but with 400 images kept to calibrate on."""
    recipe = load_recipe("digits")
    data = {**vars(recipe.data), "train_images": 600, "calibration": 400}
    settings = {**vars(recipe), "into": into, "seed": seed, "data": Data(**data)}
    fit(Experiment(**settings), folder, progress=False)
    return folder


def times(ensemble: Ensemble, large: Ensemble, sample: torch.Tensor, rounds: int) -> dict[str, Any]:
    """Milliseconds of a batch in each round, and their median."""
    found: dict[str, Any] = {}
    alone, together = (prepare(each, "loop", acceleration=LIGHT) for each in (large, ensemble))
    for size in BATCHES:
        passes = {
            "large network": _seconds(alone, sample[:size]),
            "all networks": _seconds(together, sample[:size]),
            "cascade": staged_seconds(together, sample, size),
        }
        found[f"batch {size}"] = {
            name: {"median_ms": 1000 * median(each), "ms": [1000 * seconds for seconds in each]}
            for name, each in take_turns(passes, rounds).items()
        }
    return found


def _seconds(execution: Execution, images: torch.Tensor) -> Callable[[], float]:
    return lambda: seconds_of(lambda: execution(images), execution.device)


def measured(run: Path, large_run: Path | None, data: Data | None, rounds: int) -> dict[str, Any]:
    """One ensemble."""
    found = cascade_of_run(run, data, tolerance=TOLERANCE)
    ensemble, tested = load_shipped(run), found.tested
    assert tested is not None
    assert tested.cascade is not None
    large = divide(ensemble.spec.large, 1, seed=0) if large_run is None else load_shipped(large_run)
    large_top1 = None
    if large_run is not None:
        images = images_to_test(large_run, large)
        large_top1 = evaluate_ensemble(large, images, batch_size=100).evaluation.ensemble.top1
    sample = sample_of(run, ensemble)
    assert sample is not None
    return {
        "cascade": vars(found.fit.cascade) | {"stages": list(map(vars, found.fit.cascade.stages))},
        "fit_images": found.fit.cascade.images,
        "test_images": tested.evaluation.images,
        "expected_loss": found.fit.full - found.fit.cascade.accuracy,
        "top1": {
            "large network": large_top1,
            "best network": max(each.top1 for each in tested.evaluation.networks),
            "all networks": tested.evaluation.ensemble.top1,
            "cascade": tested.cascade.scores.top1,
        },
        "nll": {
            "all networks": tested.evaluation.ensemble.nll,
            "cascade": tested.cascade.scores.nll,
        },
        "share": tested.cascade.share,
        "left": tested.cascade.left,
        "ensemble_macs_by_large": ensemble.spec.macs / large.spec.macs,
        "times": times(ensemble, large, sample, rounds),
    }


def _ensembles(runs: list[str], scratch: Path) -> list[tuple[str, Path, Path | None]]:
    """Name, run, and the run of the large network."""
    if not runs:
        return [
            (
                f"digits, seed {seed}",
                digits(4, seed, scratch / f"s4-{seed}"),
                digits(1, seed, scratch / f"s1-{seed}"),
            )
            for seed in SEEDS
        ]
    found = []
    for place, text in enumerate(runs):
        name, _, paths = text.partition("=")
        run, _, large = paths.partition(",")
        copy = Path(shutil.copytree(run, scratch / str(place)))
        found.append((name, copy, Path(large) if large else None))
    return found


def _said(name: str, found: dict[str, Any]) -> str:
    top1, large = found["top1"], found["top1"]["large network"]
    text = (
        f"{name}: all {top1['all networks']:.4f}, cascade {top1['cascade']:.4f} at "
        f"{found['share']:.1%} of the MACs; large {'-' if large is None else f'{large:.4f}'}"
    )
    for batch, each in found["times"].items():
        text += f"; {batch}: " + ", ".join(f"{n} {t['median_ms']:.3f} ms" for n, t in each.items())
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="*", help="NAME=RUN or NAME=RUN,LARGE")
    parser.add_argument("--data.root", dest="root", help="folder of images to fit to")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--result", default="cascade", help="name in benchmarks/results/")
    given = parser.parse_args()
    data = Data(dataset="imagefolder", root=given.root) if given.root else None
    cases: dict[str, Any] = {}
    with TemporaryDirectory() as scratch:
        for name, run, large in _ensembles(given.runs, Path(scratch)):
            cases[name] = measured(run, large, data, given.rounds)
            print(_said(name, cases[name]), flush=True)
    lost = [each["top1"]["all networks"] - each["top1"]["cascade"] for each in cases.values()]
    shares = [each["share"] for each in cases.values()]
    print(f"mean of {len(cases)}: {100 * mean(lost):.3f} points lost at {mean(shares):.1%}")
    write_results(given.result, {"tolerance_points": TOLERANCE, "n": len(cases), "cases": cases})


if __name__ == "__main__":
    main()
