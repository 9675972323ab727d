"""What ``cotrain calibrate`` changes on the digits: ``python benchmarks/calibration.py``.

Each ensemble is trained on 300 images, its checkpoint is chosen by 300 others, and it is tested on
897: with a plain recipe, and with mixup and label smoothing, which make answers not certain enough;
S = 1 and 4, six seeds, each of which draws other images, too. The same ensemble is calibrated on
the 300 images that chose its checkpoint, and on 300 that nobody has seen. On the way it is noted
how often the sets of classes hold the right one, what abstaining keeps, how well each signal tells
wrong answers, and what isotonic regression of each class's probability gives instead.
"""

from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

import torch
from common import write_results
from sklearn.isotonic import IsotonicRegression
from torch import Tensor

from cotrain.basics.run_folder import RunFolder
from cotrain.config import CoTrainingOptions, Data, Experiment, Hardware, Views
from cotrain.config.combining import Combine
from cotrain.config.recipes import load_recipe
from cotrain.data import load_part, read_record
from cotrain.ensemble import load_shipped
from cotrain.ensemble.answering import known_preprocessing
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.combining import log_probabilities
from cotrain.evaluation import evaluate_logits
from cotrain.evaluation.calibration.calibrate import fit_with_rules
from cotrain.evaluation.evaluate import collect_logits, read_predictions
from cotrain.evaluation.uncertainty.uncertainty import uncertainty_of
from cotrain.training import fit

PARTS = {"validation": "val", "calibration": "calibration"}
SEEDS, SIZES, EPOCHS = range(6), (1, 4), 15
RECIPES = {
    "plain": (Views(padding=1, flip=False), CoTrainingOptions()),
    "mixup and smoothing": (
        Views(padding=1, flip=False, mixup=0.2),
        CoTrainingOptions(label_smoothing=0.1),
    ),
}


def experiment(recipe: str, into: int, seed: int) -> Experiment:
    """300 images to train on, 300 to select with, 300 to calibrate on."""
    views, co_training = RECIPES[recipe]
    return Experiment(
        network="basic_resnet8_16",
        into=into,
        seed=seed,
        epochs=EPOCHS,
        batch_size=32,
        data=Data(
            dataset="digits",
            train_images=900,
            validation=1 / 3,
            calibration=300,
            split_seed=seed,
        ),
        views=views,
        co_training=co_training,
        hardware=Hardware(accelerator="cpu"),
    )


def logits_to_calibrate(folder: Path, part: str) -> tuple[Tensor, Tensor]:
    """Logits and classes of the images that a run selected with (``val``), or kept."""
    ensemble, record = load_shipped(folder), read_record(RunFolder(folder).split)
    assert record is not None
    data = load_recipe(RunFolder(folder).config).data
    shape = known_preprocessing(ensemble.spec)
    found = load_part(data, part, keep_files=False, shape=shape, remembered=record)
    images = found.val if part == "val" else found.calibration
    assert images is not None
    return collect_logits(ensemble, images, shape, batch_size=64)


def measured(settings: Experiment, folder: Path) -> dict[str, Any]:
    """One ensemble, before, and calibrated on either part."""
    fit(settings, folder, progress=False)
    logits, targets = read_predictions(RunFolder(folder))
    combine = load_shipped(folder).spec.combine
    found: dict[str, Any] = {"none": numbers(logits, targets, combine, None)}
    for name, part in PARTS.items():
        fitted = fit_with_rules(
            *logits_to_calibrate(folder, part), combine, sets="lac", coverage=0.9, risk=0.01
        )
        found[name] = numbers(logits, targets, combine, fitted.calibration)
        found[name]["cross_validated_nll"] = {each: s.nll for each, s in fitted.scores.items()}
    found["isotonic"] = isotonic_nlls(*logits_to_calibrate(folder, "calibration"), folder)
    return found


def isotonic_nlls(logits: Tensor, targets: Tensor, folder: Path) -> dict[str, float]:
    """NLL of isotonic regression, one class against all others, normalised, instead.

    Cross-validated on five folds of the images that nobody has seen, and on the test images. It
    gives 0 to what it has not seen, which costs infinitely: half an image is given to each class.
    """
    combine = load_shipped(folder).spec.combine
    p = log_probabilities(logits, combine).exp()
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(0))
    held_out = torch.empty(len(targets), dtype=torch.float64)
    for fold in order.tensor_split(5):
        others = order[~torch.isin(order, fold)]
        held_out[fold] = isotonic_nll(p[others], targets[others], p[fold], targets[fold])
    test_logits, test_targets = read_predictions(RunFolder(folder))
    test_p = log_probabilities(test_logits, combine).exp()
    test = isotonic_nll(p, targets, test_p, test_targets)
    return {"cross_validated_nll": held_out.mean().item(), "nll": test.mean().item()}


def isotonic_nll(p: Tensor, targets: Tensor, new_p: Tensor, new_targets: Tensor) -> Tensor:
    """NLL [M] of new images by what was fitted on others."""
    columns = []
    for label in range(p.shape[-1]):
        fit_one = IsotonicRegression(y_min=0.5 / len(p), y_max=1, out_of_bounds="clip")
        fit_one.fit(p[:, label].numpy(), (targets == label).double().numpy())
        columns.append(torch.from_numpy(fit_one.predict(new_p[:, label].numpy())))
    shares = torch.stack(columns, dim=-1)
    return -(shares / shares.sum(-1, keepdim=True)).gather(1, new_targets[:, None]).squeeze(1).log()


def numbers(
    logits: Tensor, targets: Tensor, combine: Combine, calibration: Calibration | None
) -> dict[str, Any]:
    """How good the answers to the test images are, and what the stored rules do on them."""
    scores = evaluate_logits(logits, targets, combine, calibration).ensemble
    found = uncertainty_of(logits, targets, combine, calibration)
    record: dict[str, Any] = {
        "top1": scores.top1,
        "errors": found.errors,
        "nll": scores.nll,
        "ece": scores.ece,
        "classwise_ece": found.reliability.classwise_ece,
        "miscalibration": found.reliability.miscalibration,
        "aurc": found.signals["maximum probability"].aurc,
        "auroc_wrong": {name: each.wrong for name, each in found.signals.items()},
    }
    if calibration is not None:
        assert found.sets is not None
        assert found.abstention is not None
        rules = {"set_coverage": found.sets.covered, "set_size": found.sets.size}
        answered = {"coverage": found.abstention.coverage, "risk": found.abstention.risk}
        record |= {"method": calibration.method, "temperature": calibration.temperature}
        record |= rules | {"abstention": answered}
    return record


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
                means = ", ".join(
                    f"{on} {mean(run[on][name] for run in runs):.4f}" for on in ("none", *PARTS)
                )
                print(f"{recipe}, S={into}: {name} {means}", flush=True)
    write_results("calibration", {"cases": results})


if __name__ == "__main__":
    main()
