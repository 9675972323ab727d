"""A run is calibrated on images that it did not train on, and from then on answers so."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from training_runs import tiny

from cotrain import ConfigError, Ensemble
from cotrain.cli import main
from cotrain.data import load_splits, read_record
from cotrain.ensemble import load_shipped
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.folder import write_fitted
from cotrain.evaluation import calibrate, evaluate_logits
from cotrain.evaluation.evaluate import collect_logits
from cotrain.export import load_exported
from cotrain.report.calibration import calibration_table
from cotrain.training import fit

DATA = {"validation": 0.5, "train_images": 200, "test_images": 300}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibrated") / "run"
    fit(tiny(epochs=3, data=DATA), folder, progress=False)
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


def test_validation_images_alone_are_used(run: Path, monkeypatch: pytest.MonkeyPatch):
    ensemble = load_shipped(run)
    record = read_record(run / "split.jsonl")
    assert record is not None
    splits = load_splits(tiny(data=DATA).data, shape=ensemble.spec.preprocessing, remembered=record)
    assert splits.val is not None
    logits, targets = collect_logits(ensemble, splits.val, splits.preprocessing, batch_size=64)
    found = calibrate(run)
    assert found.calibration.images == len(targets) == 100
    assert found.scores["none"] == evaluate_logits(logits, targets).ensemble
    assert found.path == run / "ensemble" / "calibration.json"
    assert Ensemble.load(run / "ensemble").spec.calibration == found.calibration


def test_what_answers_is_calibrated(run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    def evaluated(*words: str) -> dict:
        main(["evaluate", *words, "--json"])
        return json.loads(capsys.readouterr().out)

    before = evaluated(str(run))
    main(["calibrate", str(run), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["method"] != "none"
    assert (found["fitted_on"], found["selected_checkpoint"]) == ("validation", True)
    assert found["calibration"]["fitted_on"] == "validation"
    assert (
        found["cross_validated"][found["method"]]["nll"] < found["cross_validated"]["none"]["nll"]
    )
    after = evaluated(str(run))
    assert after["uncalibrated"] == before["ensemble"]
    assert after["ensemble"]["nll"] < before["ensemble"]["nll"]
    assert evaluated(str(run), "--calibrated", "false") == before
    exported = tmp_path / "whole.onnx"
    main(["export", str(run), "--format", "onnx", "--output", str(exported)])
    capsys.readouterr()
    data = ["--data.train_images", "200", "--data.test_images", "300", "--data.validation", "0.5"]
    from_file = evaluated(str(exported), "--data.dataset", "digits", *data)
    assert from_file["ensemble"]["nll"] == pytest.approx(after["ensemble"]["nll"], abs=1e-5)
    image = tmp_path / "image.png"
    Image.new("L", (8, 8), 90).save(image)
    rows = []
    for words in ([str(run)], [str(exported)], [str(run), "--calibrated", "false"]):
        main(["predict", words[0], str(image), *words[1:], "--format", "jsonl"])
        rows.append(json.loads(capsys.readouterr().out)["probability"])
    ensemble = load_shipped(run)
    images = ensemble.prepare(torch.full((1, 1, 8, 8), 90, dtype=torch.uint8))
    assert rows[0] == pytest.approx(ensemble.predict(images).max().item(), abs=1e-6)
    assert rows[1] == pytest.approx(rows[0], abs=1e-5)
    assert rows[2] == pytest.approx(
        ensemble.predict(images, calibrated=False).max().item(), abs=1e-6
    )
    assert load_exported(exported).spec.calibration == ensemble.spec.calibration


def test_files_are_answered_with_what_was_fitted(run: Path, tmp_path: Path):
    image = tmp_path / "image.png"
    Image.new("L", (8, 8), 90).save(image)
    (before,) = load_shipped(run).predict_files(image)
    assert (before.set, before.abstain, before.signal, before.doubt) == (None,) * 4
    found = calibrate(run, sets="aps", risk=0.2)
    assert found.calibration.signal is not None
    ensemble = load_shipped(run)
    (row,) = ensemble.predict_files(image)
    assert row.probability is not None
    assert row.set is not None
    assert row.set[0] == row.label
    assert found.calibration.abstention is not None
    assert row.abstain == (row.probability < found.calibration.abstention.least)
    assert row.signal == found.calibration.signal.name == "maximum probability"
    assert row.doubt == pytest.approx(1 - row.probability)
    (raw,) = ensemble.predict_files(image, calibrated=False)
    assert (raw.set, raw.abstain, raw.signal, raw.doubt) == (None,) * 4


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ((0.75, 0.25), "In place of weights 0.750, 0.250, temperature 1.000: all networks count"),
        ((), None),
    ],
)
def test_weights_that_it_takes_the_place_of_are_named(run: Path, weights, said):
    before = Calibration(combine="mean_logits", weights=weights, images=100)
    write_fitted(run / "ensemble", before)
    found = calibrate(run)
    assert (found.replaced, found.calibration.weights) == (before, ())
    caption = calibration_table(found).caption
    assert ("In place of" in caption) == (said is not None)
    assert said is None or said in caption


@pytest.mark.parametrize("name", ["ensemble", "split.jsonl"])
def test_without_what_it_needs_one_line_says_so(run: Path, name: str, tmp_path: Path):
    if name == "ensemble":
        moved = Path(shutil.move(run / "ensemble", tmp_path / "moved"))
        with pytest.raises(ConfigError, match="does not say which images to take"):
            calibrate(moved)
    else:
        (run / name).unlink()
        with pytest.raises(ConfigError, match=r"give a run folder with config\.yaml and split"):
            calibrate(run)


def test_a_run_without_validation_images_is_refused(tmp_path: Path):
    fit(tiny(epochs=1), tmp_path / "run", progress=False)
    with pytest.raises(ConfigError, match=r"no validation images beside those.*--data.calibration"):
        calibrate(tmp_path / "run")
    assert not (tmp_path / "run" / "ensemble" / "calibration.json").exists()
