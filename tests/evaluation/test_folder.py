"""Evaluating a folder: a run, its ensemble, other data, and folders that hold neither."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from training_runs import TINY, tiny

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.config import Data
from cotrain.evaluation.folder import evaluate_folder
from cotrain.training import fit


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("evaluated") / "run"
    fit(tiny(epochs=1), folder, progress=False)
    return RunFolder(folder)


def test_run_and_its_ensemble_give_what_training_wrote(run: RunFolder) -> None:
    written = json.loads(run.evaluation.read_text())
    for path in (run.root, run.ensemble):
        assert json.loads(json.dumps(evaluate_folder(path).to_dict())) == written
    assert written["tested_on"] == "test"
    assert written["images"] == 50


def test_other_data_and_combination(run: RunFolder) -> None:
    data = replace(TINY.data, test_images=20)
    result = evaluate_folder(run.root, data=data, combine="max_logits")
    assert result.logits.shape == (2, 20, 10)
    assert result.evaluation.combine == "max_logits"


def test_unended_run_and_foreign_folder(run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(run.config.read_bytes())
    with pytest.raises(ConfigError, match="has not ended: finish it with cotrain train --resume"):
        evaluate_folder(tmp_path)
    with pytest.raises(ConfigError, match="is not an ensemble"):
        evaluate_folder(tmp_path / "nothing")


def test_ensemble_alone_needs_data(run: RunFolder, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("spec.json", "model.safetensors"):
        (moved / name).write_bytes((run.ensemble / name).read_bytes())
    with pytest.raises(ConfigError, match="does not say which images to test on"):
        evaluate_folder(moved)
    assert (
        evaluate_folder(moved, data=Data(test_images=20, train_images=100)).evaluation.images == 20
    )
