"""What asking only some of S networks saves: ``python benchmarks/cascade.py FOLDER``.

The folder is one of ``cotrain compare``: ``s4-seed0`` and ``s1-seed0`` are the runs of one seed. It
stays as it is. Each ensemble gets a cascade that may lose 0.1 points of accuracy, fitted to images
that the run kept by ``--data.calibration``, or to those in ``--data.root``. On the test images: the
accuracy of the full ensemble, the cascade and the large network; and what a batch takes, each of
them on the same test images, in interleaved rounds. On one thread the seconds of the processor are
what a batch takes where nothing else runs; those of the clock hold what else ran, too. The digits:

    cotrain compare --config digits --data.train_images 600 --data.calibration 400 --into 1,4 \\
        --seeds 0,1,2,3,4 --output runs/digits
    OMP_NUM_THREADS=1 python benchmarks/cascade.py runs/digits --result cascade-digits
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any, NamedTuple

import torch
from common import write_results
from torch import Tensor

from cotrain.basics.run_folder import RunFolder
from cotrain.comparison.speed.cases import LEVELS
from cotrain.comparison.speed.staged import sample_of
from cotrain.config import Data
from cotrain.ensemble import Ensemble, load_shipped
from cotrain.ensemble.answering import Answering
from cotrain.ensemble.cascade import known_cascade
from cotrain.ensemble.combining import combine_logits
from cotrain.ensemble.stages import answer_in_stages
from cotrain.evaluation import evaluate_logits
from cotrain.evaluation.calibration.images import images_to_calibrate
from cotrain.evaluation.cascade.fitting import fit_cascade
from cotrain.evaluation.evaluate import collect_logits, read_predictions
from cotrain.evaluation.scores import scores_of
from cotrain.execution import prepare
from cotrain.execution.timing import take_turns
from cotrain.export import ExportOptions, export_ensemble, load_exported

TOLERANCE, SHARE = 0.1, 0.6  # points of accuracy; of the full ensemble's MACs
BATCHES = (1, 64)
ONNX = "onnx"  # a file for each network, asked by ONNX Runtime
LARGE, FULL, CASCADE = "large network", "full ensemble", "cascade"

PASS = 64  # images, or one batch where that is larger


class Seconds(NamedTuple):
    """What a batch takes, mean of a pass."""

    processor: float
    clock: float


Times = Mapping[tuple[str, str], Sequence[Seconds]]  # of each round, by who and how


def with_cascade(run: Path, data: Data | None) -> Ensemble:
    """The ensemble of a run, with a cascade that is fitted here and stored nowhere."""
    ensemble = load_shipped(run)
    found = images_to_calibrate(run, ensemble, data)
    logits, targets = collect_logits(ensemble, found.images, found.preprocessing, batch_size=64)
    spec = ensemble.spec
    fit = fit_cascade(logits, targets, spec.combine, spec.calibration, tolerance=TOLERANCE)
    ensemble.spec = replace(spec, cascade=fit.cascade)
    return ensemble


def accuracies(ensemble: Ensemble, run: Path, large_run: Path) -> dict[str, Any]:
    """What is answered to the test images, by the logits that the runs have left of them."""
    spec, cascade = ensemble.spec, known_cascade(ensemble.spec.cascade)
    logits, targets = read_predictions(RunFolder(run))
    staged = answer_in_stages(
        lambda index, rows: logits[index, rows],
        torch.arange(len(targets)),
        spec.num_classes,
        cascade,
        spec.calibration,
    )
    scores = {
        LARGE: evaluate_logits(*read_predictions(RunFolder(large_run))).ensemble,
        FULL: evaluate_logits(logits, targets, spec.combine, spec.calibration).ensemble,
        CASCADE: scores_of(staged.log_p, targets),
    }
    return {
        "cascade": asdict(cascade),
        "images_tested_on": len(targets),
        "top1": {name: each.top1 for name, each in scores.items()},
        "nll": {name: each.nll for name, each in scores.items()},
        "share": staged.share,
        "full_macs_by_large": spec.macs / load_shipped(large_run).spec.macs,
    }


def times(
    ensemble: Ensemble, run: Path, large: Ensemble, levels: Sequence[str], rounds: int
) -> dict[str, Any]:
    """What a batch takes, in every way; see ``summary``."""
    sample = sample_of(run, ensemble)
    assert sample is not None
    found: dict[str, Any] = {}
    with ExitStack() as stack:
        answers: dict[tuple[str, str], Callable[[Tensor], object]] = {}
        for how in levels:
            alone, together = (_opened(each, how, stack) for each in (large, ensemble))
            answers[LARGE, how] = partial(_combined, alone)
            answers[FULL, how] = partial(_combined, together)
            answers[CASCADE, how] = together.answer_in_stages
        for size in BATCHES:
            passes = {who: a_pass(answer, sample, size) for who, answer in answers.items()}
            found[f"batch {size}"] = summary(take_turns(passes, rounds), levels)
    return found


def _opened(ensemble: Ensemble, how: str, stack: ExitStack) -> Answering:
    """The networks, ready to answer normalised images."""
    if how != ONNX:
        return stack.enter_context(prepare(ensemble, "loop", acceleration=LEVELS[how]))
    folder = Path(stack.enter_context(TemporaryDirectory())) / "files"
    export_ensemble(ensemble, folder, ExportOptions(format="onnx", split=True, normalize=False))
    return load_exported(folder, threads=torch.get_num_threads())


def _combined(answering: Answering, images: Tensor) -> Tensor:
    return combine_logits(answering(images), answering.spec.combine)


def a_pass(answer: Callable[[Tensor], object], sample: Tensor, size: int) -> Callable[[], Seconds]:
    """What answers the next images at each call: of few, most rounds would see one network only."""
    batches, turn = max(1, PASS // size), cycle(sample.split(size))

    def once() -> Seconds:
        parts = list(islice(turn, batches))
        processor, clock = process_time(), perf_counter()
        for part in parts:
            answer(part)
        clock, processor = perf_counter() - clock, process_time() - processor
        return Seconds(processor=processor / batches, clock=clock / batches)

    return once


def summary(times: Times, levels: Sequence[str]) -> dict[str, Any]:
    """Medians over the rounds: milliseconds, and the ratio to the large network's in each round.

    ``fastest`` is each of them in the way that takes the processor least.
    """
    best = {
        who: min(levels, key=lambda how: median(each.processor for each in times[who, how]))
        for who in (LARGE, FULL, CASCADE)
    }
    ways = {how: dict.fromkeys(best, how) for how in levels} | {"fastest": best}
    return {
        name: {
            who: {"how": how} | beside(times[who, how], times[LARGE, way[LARGE]])
            for who, how in way.items()
        }
        for name, way in ways.items()
    }


def beside(own: Sequence[Seconds], large: Sequence[Seconds]) -> dict[str, dict[str, float]]:
    """Of the processor and of the clock: the median, and the median of the ratios."""
    return {
        kind: {
            "ms": 1000 * median(mine),
            "by_large": median(a / b for a, b in zip(mine, theirs, strict=True)),
        }
        for kind, mine, theirs in zip(
            Seconds._fields, zip(*own, strict=True), zip(*large, strict=True), strict=True
        )
    }


def met(case: Mapping[str, Any]) -> dict[str, bool]:
    """What of the target is met."""
    top1 = case["top1"]
    as_good = top1[CASCADE] >= top1[LARGE]
    return {
        "accuracy within 0.1 points": top1[FULL] - top1[CASCADE] <= TOLERANCE / 100,
        "60 % of the MACs": case["share"] <= SHARE,
        **{
            f"faster than the large network at no lower accuracy, {batch}": as_good
            and each["fastest"][CASCADE]["processor"]["by_large"] < 1
            for batch, each in case["times"].items()
        },
    }


def measured(
    folder: Path, seed: int, data: Data | None, levels: Sequence[str], rounds: int
) -> dict[str, Any]:
    """One seed."""
    run, large_run = (folder / f"s{into}-seed{seed}" for into in (4, 1))
    ensemble = with_cascade(run, data)
    case = accuracies(ensemble, run, large_run)
    case["times"] = times(ensemble, run, load_shipped(large_run), levels, rounds)
    return case | {"met": met(case)}


def sentences(seed: int, case: Mapping[str, Any]) -> str:
    """A seed in words."""
    top1 = ", ".join(f"{who} {100 * top1:.2f} %" for who, top1 in case["top1"].items())
    lines = [f"seed {seed}: {top1}; {case['share']:.1%} of the full ensemble's MACs"]
    for batch, ways in case["times"].items():
        for name, way in ways.items():
            each = ", ".join(
                f"{who} {own['processor']['ms']:.3f} ms ({own['how']}, "
                f"x {own['processor']['by_large']:.2f}, clock x {own['clock']['by_large']:.2f})"
                for who, own in way.items()
            )
            lines.append(f"  {batch}, {name}: {each}")
    missed = [target for target, is_met in case["met"].items() if not is_met]
    return "\n".join([*lines, f"  not met: {'; '.join(missed) or 'nothing'}"])


def over_seeds(cases: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Means of accuracies and shares, and of how many seeds each part of the target is met."""
    every = list(cases.values())
    return {
        "n": len(every),
        "top1": {who: mean(case["top1"][who] for case in every) for who in (LARGE, FULL, CASCADE)},
        "share": mean(case["share"] for case in every),
        "by_large": {
            batch: {
                name: {
                    kind: median(
                        case["times"][batch][name][CASCADE][kind]["by_large"] for case in every
                    )
                    for kind in Seconds._fields
                }
                for name in every[0]["times"][batch]
            }
            for batch in every[0]["times"]
        },
        "met": {target: sum(case["met"][target] for case in every) for target in every[0]["met"]},
    }


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("folder", type=Path, help="of cotrain compare, with S=1 and S=4")
    parser.add_argument("--data.root", dest="root", help="images to fit to, a folder for a class")
    parser.add_argument("--levels", nargs="+", default=["none", "light", ONNX])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--result", default="cascade", help="name in benchmarks/results/")
    given = parser.parse_args(words)
    data = Data(dataset="imagefolder", root=given.root) if given.root else None
    seeds = sorted(
        int(each.name.removeprefix("s4-seed"))
        for each in given.folder.glob("s4-seed*")
        if (each / "evaluation.json").is_file()
    )
    cases = {}
    for seed in seeds:
        case = measured(given.folder, seed, data, given.levels, given.rounds)
        cases[f"seed {seed}"] = case
        print(sentences(seed, case), flush=True)
    facts = {"tolerance_points": TOLERANCE, "rounds": given.rounds, **over_seeds(cases)}
    print(facts)
    write_results(given.result, facts | {"cases": cases})


if __name__ == "__main__":
    main()
