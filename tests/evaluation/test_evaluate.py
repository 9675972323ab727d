"""Evaluating a run, its ensemble, an execution of it, other data, and folders that hold neither."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from training_runs import TINY, tiny

from cotrain import ConfigError, divide, networks
from cotrain.basics.run_folder import RunFolder
from cotrain.config import Data
from cotrain.data import TensorImages
from cotrain.ensemble import Preprocessing, load_shipped
from cotrain.evaluation.evaluate import (
    EvaluatedAnswers,
    collect_logits,
    evaluate_ensemble,
    read_predictions,
)
from cotrain.evaluation.images import images_to_test
from cotrain.execution import prepare
from cotrain.training import fit


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("evaluated") / "run"
    fit(tiny(epochs=1), folder, progress=False)
    return RunFolder(folder)


def evaluated(path: Path, data: Data | None = None, **options: Any) -> EvaluatedAnswers:
    ensemble = load_shipped(path)
    splits = images_to_test(path, ensemble, data)
    return evaluate_ensemble(ensemble, splits, batch_size=TINY.batch_size, **options)


def test_run_and_its_ensemble_give_what_training_wrote(run: RunFolder) -> None:
    written = json.loads(run.evaluation.read_text())
    for path in (run.root, run.ensemble):
        assert json.loads(json.dumps(evaluated(path).to_dict())) == written
    assert written["tested_on"] == "test"
    assert written["images"] == 50


def test_an_execution_is_as_good_as_its_ensemble(run: RunFolder) -> None:
    ensemble = load_shipped(run.root)
    splits = images_to_test(run.root, ensemble)
    expected = evaluated(run.root)
    with prepare(ensemble, "stacked") as execution:
        found = evaluate_ensemble(execution, splits, batch_size=TINY.batch_size)
    torch.testing.assert_close(found.logits, expected.logits)
    assert found.evaluation.ensemble.nll == pytest.approx(expected.evaluation.ensemble.nll)


def test_pixels_are_normalised_as_the_data_says_where_the_ensemble_does_not(
    run: RunFolder,
) -> None:
    ensemble = load_shipped(run.root)
    splits = images_to_test(run.root, ensemble)
    ensemble.spec = replace(ensemble.spec, preprocessing=None)
    found = evaluate_ensemble(ensemble, splits, batch_size=TINY.batch_size)
    assert torch.equal(found.logits, evaluated(run.root).logits)


def test_other_data_and_combination(run: RunFolder) -> None:
    data = replace(TINY.data, test_images=20)
    result = evaluated(run.root, data, combine="max_logits")
    assert result.logits.shape == (2, 20, 10)
    assert result.evaluation.combine == "max_logits"


def test_unended_run_and_foreign_folder(run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(run.config.read_bytes())
    with pytest.raises(ConfigError, match="has not ended: finish it with cotrain train --resume"):
        evaluated(tmp_path)
    with pytest.raises(ConfigError, match="is not an ensemble"):
        evaluated(tmp_path / "nothing")


def test_ensemble_alone_needs_data(run: RunFolder, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("spec.json", "model.safetensors"):
        (moved / name).write_bytes((run.ensemble / name).read_bytes())
    with pytest.raises(ConfigError, match="does not say which images to take"):
        evaluated(moved)
    assert evaluated(moved, Data(test_images=20, train_images=100)).evaluation.images == 20


def test_logits_are_collected_in_order_and_in_evaluation_mode() -> None:
    spec = networks.spec("basic_resnet8_8", num_classes=10, in_channels=1, image_size=8)
    ensemble = divide(spec, 2, seed=0).train()
    pixels = torch.randint(256, (5, 1, 8, 8), dtype=torch.uint8)
    images, targets = TensorImages(tensor=pixels, targets=torch.arange(5)), torch.arange(5)
    grey = Preprocessing(image_size=8, in_channels=1, mean=(0.5,), std=(0.25,))
    before = {name: tensor.clone() for name, tensor in ensemble.state_dict().items()}
    logits, classes = collect_logits(ensemble, images, grey, batch_size=3)
    assert ensemble.training
    assert all(torch.equal(before[name], t) for name, t in ensemble.state_dict().items())
    assert torch.equal(classes, targets)
    assert logits.dtype == torch.float32
    with torch.no_grad():
        expected = ensemble.eval()((pixels.float() / 255 - 0.5) / 0.25)
    torch.testing.assert_close(logits, expected)
    empty = TensorImages(tensor=pixels[:0], targets=targets[:0])
    with pytest.raises(ConfigError, match="no images"):
        collect_logits(ensemble, empty, grey, batch_size=3)


@pytest.mark.parametrize(
    "tensors",
    [
        {},
        {"logits": torch.zeros(2, 3, 4)},
        {"logits": torch.zeros(3, 4), "targets": torch.zeros(3).long()},
        {"logits": torch.zeros(2, 3, 4), "targets": torch.zeros(2).long()},
        {"logits": torch.zeros(2, 3, 4), "targets": torch.tensor([0, 1, 4])},
        {"logits": torch.zeros(2, 3, 4), "targets": torch.tensor([0, 1, -1])},
        {"logits": torch.zeros(2, 3, 4), "targets": torch.zeros(3)},
        {"logits": torch.zeros(2, 3, 4).long(), "targets": torch.zeros(3).long()},
        {"logits": torch.full((2, 3, 4), torch.nan), "targets": torch.zeros(3).long()},
        {"logits": torch.zeros(2, 0, 4), "targets": torch.zeros(0).long()},
    ],
)
def test_damaged_predictions_are_refused(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    folder = RunFolder(tmp_path)
    folder.predictions.write_bytes(safetensors.torch.save(tensors))
    with pytest.raises(ConfigError, match=r"holds no finite logits \[S, N, C\] and classes \[N\]"):
        read_predictions(folder)


def test_predictions_are_read_back(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    stored = {"logits": torch.randn(2, 3, 4), "targets": torch.tensor([0, 3, 1])}
    folder.predictions.write_bytes(safetensors.torch.save(stored))
    logits, targets = read_predictions(folder)
    assert torch.equal(logits, stored["logits"])
    assert torch.equal(targets, stored["targets"])


def test_half_precision_is_evaluated_beside_the_exact_answers(run: RunFolder) -> None:
    exact, half = evaluated(run.root), evaluated(run.root, dtype="bf16")
    assert exact.rounding is None
    assert "rounding" not in exact.to_dict()
    assert half.rounding is not None
    assert half.to_dict()["rounding"]["dtype"] == "bf16"
    assert not torch.equal(half.logits, exact.logits)
    torch.testing.assert_close(half.logits, exact.logits, rtol=0.05, atol=0.05)
    better = half.evaluation.ensemble.nll - exact.evaluation.ensemble.nll
    assert half.rounding.nll == pytest.approx(better, abs=1e-6)
    assert half.rounding.top1 == pytest.approx(
        half.evaluation.ensemble.top1 - exact.evaluation.ensemble.top1
    )
