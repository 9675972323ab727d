"""``predictions.csv``: of every test image its file, class, answer and probability."""

import csv
from dataclasses import replace

import pytest
import torch
from image_folders import write_folder
from training_runs import TINY

from cotrain.basics.run_folder import RunFolder
from cotrain.cli import main
from cotrain.config import Data
from cotrain.evaluation.evaluate import read_predictions
from cotrain.evaluation.file_answers import answers_to_files
from cotrain.training import fit


def test_the_answer_is_that_of_the_mean_logits():
    logits = torch.tensor([[[0.0, 2.0], [1.0, 0.0]], [[1.0, 1.0], [3.0, 0.0]]])
    first, second = answers_to_files(
        ["a/1.png", "b/2.png"],
        logits,
        torch.tensor([0, 0]),
        ("ant", "bee"),
        combine="mean_logits",
        calibration=None,
    )
    shares = logits.double().mean(0).softmax(-1)
    assert (first.file, first.truth, first.answer) == ("a/1.png", "ant", "bee")
    assert (second.file, second.truth, second.answer) == ("b/2.png", "ant", "ant")
    assert [first.probability, second.probability] == pytest.approx(
        [shares[0, 1].item(), shares[1, 0].item()]
    )


@pytest.fixture
def run(tmp_path):
    write_folder(tmp_path / "data", count=10, classes=("ant", "=bee"), size=(8, 8))
    data = Data(dataset="imagefolder", root=str(tmp_path / "data"), test=0.3, validation="none")
    folder = tmp_path / "run"
    fit(replace(TINY, epochs=1, batch_size=4, data=data), folder, progress=False)
    return RunFolder(folder)


def rows_of(path):
    with open(path, newline="") as table:
        return list(csv.DictReader(table))


def test_a_run_and_evaluate_write_the_answers_to_the_test_images(run, capsys):
    rows = rows_of(run.answers)
    logits, targets = read_predictions(run)
    shares, labels = logits.double().mean(0).softmax(-1).max(-1)
    names = ("'=bee", "ant")  # as their folders are sorted; "=" would begin a formula
    assert [row["truth"] for row in rows] == [names[place] for place in targets]
    assert [row["answer"] for row in rows] == [names[place] for place in labels]
    assert [float(row["probability"]) for row in rows] == pytest.approx(shares.tolist())
    assert all(row["file"].startswith(row["truth"]) for row in rows)
    assert len({row["file"] for row in rows}) == len(targets) == 6
    again = run.root / "again.csv"
    main(["evaluate", str(run.root), "--predictions", str(again), "--json"])
    found = rows_of(again)
    assert [row.pop("probability") for row in found] == pytest.approx(
        [row.pop("probability") for row in rows]
    )
    assert found == rows


def test_images_that_are_no_files_have_none(tmp_path, capsys):
    fit(replace(TINY, epochs=1), tmp_path / "run", progress=False)
    assert not RunFolder(tmp_path / "run").answers.exists()
    with pytest.raises(SystemExit):
        main(["evaluate", str(tmp_path / "run"), "--predictions", str(tmp_path / "a.csv")])
    assert "the images of this data set are no files" in capsys.readouterr().err
    assert not (tmp_path / "a.csv").exists()
