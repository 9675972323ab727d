"""What calibrating changes in the runs of a comparison: ``python benchmarks/calibrated_runs.py``.

Each run in the folder of ``cotrain compare`` is calibrated on other images of the same classes, and
measured by the answers that it has kept of its test images. The folder stays as it is.

    cotrain compare --config cifar10-small --into 1,2,4 --seeds 0,1,2 --output runs/cifar10
    python benchmarks/calibrated_runs.py runs/cifar10 --data.root calibration --result calibrated
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from calibration import numbers
from common import spread, write_results

from cotrain.basics.run_folder import RunFolder
from cotrain.config import Data
from cotrain.ensemble import load_shipped
from cotrain.evaluation.calibration.calibrate import fit_with_rules
from cotrain.evaluation.calibration.images import images_to_calibrate
from cotrain.evaluation.evaluate import collect_logits, read_predictions

COVERAGE, RISK = 0.9, 0.05


def measured(run: Path, data: Data) -> dict[str, Any]:
    """One run's answers to its test images, before and after."""
    ensemble = load_shipped(run)
    found = images_to_calibrate(run, ensemble, data)
    logits, targets = collect_logits(ensemble, found.images, found.preprocessing, batch_size=64)
    combine = ensemble.spec.combine
    fitted = fit_with_rules(logits, targets, combine, sets="lac", coverage=COVERAGE, risk=RISK)
    kept = read_predictions(RunFolder(run))
    return {
        "images": len(targets),
        "before": numbers(*kept, combine, None),
        "after": numbers(*kept, combine, fitted.calibration),
    }


def summary(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over the seeds of what the docs show, with every run's value."""
    parts = {
        f"{name} {when}": spread([run[when][name] for run in runs])
        for name in ("nll", "ece", "aurc")
        for when in ("before", "after")
    }
    abstaining = [run["after"]["abstention"] for run in runs]
    parts |= {
        "set_coverage": spread([run["after"]["set_coverage"] for run in runs]),
        "set_size": spread([run["after"]["set_size"] for run in runs]),
        "answered": spread([each["coverage"] for each in abstaining]),
    }
    risks = [each["risk"] for each in abstaining if each["risk"] is not None]
    return parts | {"risk": spread(risks) if risks else None}  # nothing is answered by some


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="of cotrain compare")
    parser.add_argument("--data.root", dest="root", required=True, help="a folder for each class")
    parser.add_argument("--result", default="calibrated_runs", help="name in benchmarks/results/")
    given = parser.parse_args(words)
    data = Data(dataset="imagefolder", root=given.root)
    by_candidate: dict[str, list[dict[str, Any]]] = {}
    for run in sorted(path for path in given.folder.glob("*-seed*") if path.is_dir()):
        if RunFolder(run).evaluation.is_file():
            candidate = run.name.rpartition("-seed")[0]
            by_candidate.setdefault(candidate, []).append(measured(run, data))
    for candidate, runs in by_candidate.items():
        errors = (
            mean(run["before"]["ece"] for run in runs),
            mean(run["after"]["ece"] for run in runs),
        )
        print(f"{candidate}, {len(runs)} seeds: ECE {errors[0]:.4f}, calibrated {errors[1]:.4f}")
    cases = {
        name: {"n": len(runs), "mean": summary(runs), "runs": runs}
        for name, runs in by_candidate.items()
    }
    write_results(given.result, {"coverage": COVERAGE, "risk": RISK, "cases": cases})


if __name__ == "__main__":
    main()
