"""What every benchmark shares: the machine, interleaved timing, and the file of results.

A result file holds all that a number needs to be believed: the command, the hardware, the
versions, every single run in seconds, and how many there were.
"""

import json
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import torch

from cotrain.basics.machine import hardware
from cotrain.basics.run_folder import RunFolder
from cotrain.config import Experiment
from cotrain.evaluation.run_scores import RunScores
from cotrain.evaluation.scores import Scores
from cotrain.training import fit

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("torchvision", "timm", "pytorch-lightning", "numpy")


def versions() -> dict[str, str]:
    """Versions of the libraries that do the work, beside those the machine's facts hold."""
    return {name: version(name) for name in PACKAGES} | {"cuda": str(torch.version.cuda)}


def trained(experiment: Experiment, folder: Path) -> RunFolder:
    """The run, trained if it is not there yet."""
    run = RunFolder(folder)
    if not run.evaluation.is_file():
        fit(experiment, folder, resume=run.config.exists(), progress=False)
    return run


def spread(values: list[float]) -> dict[str, Any]:
    """Every run, their mean, and their deviation if there are several."""
    return {"mean": mean(values), "sd": stdev(values) if len(values) > 1 else None, "runs": values}


def plus_minus(found: Mapping[str, Any], digits: int) -> str:
    """The mean of what ``spread`` made, as a table has it, with the deviation if there is one."""
    deviation = "" if found["sd"] is None else f" ± {found['sd']:.{digits}f}"
    return f"{found['mean']:.{digits}f}{deviation}"


def quality(scores: Sequence[Scores]) -> dict[str, Any]:
    """Error in percent, NLL and ECE over the seeds."""
    return {
        "error": spread([100 * (1 - each.top1) for each in scores]),
        "nll": spread([each.nll for each in scores]),
        "ece": spread([each.ece for each in scores]),
    }


def of_runs(rows: Sequence[RunScores]) -> dict[str, Any]:
    """Quality of the runs of all seeds, beside what an answer costs on average."""
    scores = [row.scores for row in rows if row.scores is not None]
    assert len(scores) == len(rows)
    costs = {"macs": mean(row.macs for row in rows), "params": mean(row.params for row in rows)}
    return {**costs, **quality(scores)}


def interleaved(cases: Mapping[str, Callable[[], object]], *, n: int) -> dict[str, list[float]]:
    """Seconds of ``n`` runs of each case, after one run of each to warm up.

    The cases take turns, so that a machine that slows down slows all of them.
    """
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for run in cases.values():
        run()
    for _ in range(n):
        for name, run in cases.items():
            seconds[name].append(timed(run))
    return seconds


def timed(run: Callable[[], object]) -> float:
    """Wall time of one run in seconds, GPUs synchronised before and after."""
    _synchronize()
    start = time.perf_counter()
    run()
    _synchronize()
    return time.perf_counter() - start


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def summary(seconds: Mapping[str, list[float]], *, baseline: str) -> dict[str, Any]:
    """Per case: every run, their number, the median, and its ratio to the baseline's median."""
    base = median(seconds[baseline])
    return {
        name: {"n": len(runs), "median": median(runs), "ratio": median(runs) / base, "runs": runs}
        for name, runs in seconds.items()
    }


def write_results(name: str, results: Mapping[str, Any]) -> Path:
    """Write ``results/<name>.json`` with the command, hardware and versions; returns its path."""
    record = {
        "command": shlex.join(["python", *sys.argv]),
        "machine": asdict(hardware()) | {"torch_threads": torch.get_num_threads()},
        "versions": versions(),
        **results,
    }
    path = RESULTS / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return path
