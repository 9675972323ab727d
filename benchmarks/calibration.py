"""What ``cotrain calibrate`` changes on the digits: ``python benchmarks/calibration.py``.

Each ensemble is trained on 300 images, calibrated on 300 others, and tested on the remaining 1,197,
before and after: with a plain recipe, and with mixup and label smoothing, which make answers not
certain enough; S = 1 and 4, three seeds. On the way it is noted how often the sets of classes hold
the right one, what abstaining keeps, and how well each signal tells wrong answers from right ones.
"""

from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

from common import write_results

from cotrain.config import CoTrainingOptions, Data, Experiment, Hardware, Views
from cotrain.ensemble import load_shipped
from cotrain.evaluation import calibrate
from cotrain.evaluation.evaluate import evaluate_ensemble
from cotrain.evaluation.images import images_to_test
from cotrain.evaluation.uncertainty.uncertainty import uncertainty_of
from cotrain.training import fit

SEEDS, SIZES, EPOCHS = (0, 1, 2), (1, 4), 15
RECIPES = {
    "plain": (Views(padding=1, flip=False), CoTrainingOptions()),
    "mixup and smoothing": (
        Views(padding=1, flip=False, mixup=0.2),
        CoTrainingOptions(label_smoothing=0.1),
    ),
}


def experiment(recipe: str, into: int, seed: int) -> Experiment:
    """300 images to train on, 300 to calibrate on."""
    views, co_training = RECIPES[recipe]
    return Experiment(
        network="basic_resnet8_16",
        into=into,
        seed=seed,
        epochs=EPOCHS,
        batch_size=32,
        data=Data(dataset="digits", train_images=600, validation=0.5),
        views=views,
        co_training=co_training,
        hardware=Hardware(accelerator="cpu"),
    )


def measured(settings: Experiment, folder: Path) -> dict[str, Any]:
    """One ensemble, before and after."""
    fit(settings, folder, progress=False)
    found = calibrate(folder, coverage=0.9, risk=0.01)
    ensemble = load_shipped(folder)
    answers = evaluate_ensemble(ensemble, images_to_test(folder, ensemble), batch_size=64)
    combine = ensemble.spec.combine
    before = uncertainty_of(answers.logits, answers.targets, combine)
    after = uncertainty_of(answers.logits, answers.targets, combine, ensemble.spec.calibration)
    scores = answers.evaluation
    assert after.sets is not None
    assert after.abstention is not None
    return {
        "method": found.calibration.method,
        "temperature": found.calibration.temperature,
        "top1": scores.ensemble.top1,
        "nll": [(scores.uncalibrated or scores.ensemble).nll, scores.ensemble.nll],
        "ece": [before.reliability.ece, after.reliability.ece],
        "classwise_ece": [before.reliability.classwise_ece, after.reliability.classwise_ece],
        "miscalibration": [before.reliability.miscalibration, after.reliability.miscalibration],
        "aurc": [each.signals["maximum probability"].aurc for each in (before, after)],
        "errors": after.errors,
        "auroc_wrong": {name: each.wrong for name, each in after.signals.items()},
        "best_signal": after.best_signal,
        "set_coverage": after.sets.covered,
        "set_size": after.sets.size,
        "abstention": {"coverage": after.abstention.coverage, "risk": after.abstention.risk},
    }


def main() -> None:
    results: dict[str, Any] = {}
    for recipe in RECIPES:
        for into in SIZES:
            runs = []
            for seed in SEEDS:
                with TemporaryDirectory() as scratch:
                    runs.append(measured(experiment(recipe, into, seed), Path(scratch) / "run"))
            results[f"{recipe}, S={into}"] = {"n": len(runs), "runs": runs}
            for name in ("nll", "ece"):
                before, after = (mean(run[name][place] for run in runs) for place in (0, 1))
                print(f"{recipe}, S={into}: {name} {before:.4f} -> {after:.4f}", flush=True)
    write_results("calibration", {"cases": results})


if __name__ == "__main__":
    main()
