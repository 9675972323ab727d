"""``cotrain evaluate``: named images, batches as in training, exported files."""

import json
import sys
from pathlib import Path

import pytest
from image_folders import write_folder
from training_runs import tiny

from cotrain.cli import main
from cotrain.evaluation.evaluate import evaluate_ensemble
from cotrain.training import fit

RUN = Path(__file__).parents[2] / "saved" / "v0.1.0" / "run"


def test_the_images_named_are_those_tested(capsys):
    images = ["--data.dataset=digits", "--data.train_images=80", "--data.test_images", "40"]
    main(["evaluate", str(RUN), *images, "--json"])
    found = json.loads(capsys.readouterr().out)
    written = json.loads((RUN / "evaluation.json").read_bytes())
    assert found["images"] == 40 != written["images"]
    assert found["tested_on"] == written["tested_on"]
    assert len(found["networks"]) == 2
    assert found["ensemble"]["nll"] == pytest.approx(written["ensemble"]["nll"], abs=0.2)


def test_the_batch_size_is_that_of_the_run(monkeypatch, capsys):
    """So that the scores are those that training wrote, to the last bit."""
    sizes = []

    def noted(*words, batch_size, **named):
        sizes.append(batch_size)
        return evaluate_ensemble(*words, batch_size=batch_size, **named)

    monkeypatch.setattr("cotrain.evaluation.evaluate.evaluate_ensemble", noted)
    for path in (RUN, RUN / "ensemble"):
        main(["evaluate", str(path), "--json"])
    main(["evaluate", str(RUN), "--batch-size", "7", "--json"])
    assert sizes == [16, 16, 7]


def test_an_empty_batch_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["evaluate", str(RUN), "--batch-size", "0"])
    assert "batch_size=0 is below 1" in capsys.readouterr().err


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder, and in it the ensemble as ONNX."""
    folder = tmp_path_factory.mktemp("evaluate") / "run"
    fit(tiny(epochs=1), folder, progress=False)
    main(["export", str(folder), "--format", "onnx", "--output", str(folder / "small.onnx")])
    return folder


DATA = ["--data.dataset", "digits", "--data.train_images", "80", "--data.test_images", "50"]


@pytest.fixture
def evaluated(capsys):
    """What is printed, as JSON."""

    def evaluate(*words):
        main(["evaluate", *map(str, words), "--json"])
        return json.loads(capsys.readouterr().out)

    return evaluate


def test_an_onnx_file_has_the_scores_of_the_ensemble(run, tmp_path, evaluated):
    expected = evaluated(run)
    moved = tmp_path / "moved.onnx"
    moved.write_bytes((run / "small.onnx").read_bytes())
    # Beside its run a file needs no data; elsewhere it says only what it was trained on.
    for found in (evaluated(run / "small.onnx"), evaluated(moved, *DATA)):
        assert found.keys() == expected.keys()
        assert (found["images"], found["tested_on"]) == (50, "test")
        pairs = zip(
            [*found["networks"], found["ensemble"], found["diversity"]],
            [*expected["networks"], expected["ensemble"], expected["diversity"]],
            strict=True,
        )
        for scores, wanted in pairs:
            assert scores == pytest.approx(wanted, abs=1e-5)


def test_the_table_is_the_same(run, capsys):
    tables = []
    for path in (run, run / "small.onnx"):
        main(["evaluate", str(path)])
        tables.append(capsys.readouterr().out)
    assert tables[0].splitlines()[0].split() == ["top-1", "%", "top-5", "%", "NLL", "Brier", "ECE"]
    assert [line.split()[:3] for line in tables[0].splitlines()] == [
        line.split()[:3] for line in tables[1].splitlines()
    ]


def test_few_classes_are_shown_one_by_one(capsys):
    main(["evaluate", str(RUN)])
    shown = capsys.readouterr().out
    main(["evaluate", str(RUN), "--per-class", "false"])
    assert "by class" not in capsys.readouterr().out
    main(["evaluate", str(RUN), "--json"])
    found = json.loads(capsys.readouterr().out)["by_class"]
    rows = shown[shown.index("the ensemble by class") :].splitlines()[2:12]
    assert [row.split()[:2] for row in rows] == [
        [each["label"], str(each["images"])] for each in found["classes"]
    ]
    counted = [sum(row) for row in found["confusion_matrix"]]
    assert counted == [each["images"] for each in found["classes"]]
    assert f"{found['balanced_accuracy']:.2%}" in shown


def test_many_classes_are_shown_when_asked_for(monkeypatch, capsys):
    monkeypatch.setattr(sys.modules["cotrain.cli.verbs.evaluate"], "_FEW_CLASSES", 9)
    main(["evaluate", str(RUN)])
    assert "by class" not in capsys.readouterr().out
    main(["evaluate", str(RUN), "--per-class"])
    assert "the ensemble by class" in capsys.readouterr().out


def test_a_file_without_its_run_needs_data_and_has_no_gpu(run, tmp_path, capsys):
    moved = tmp_path / "moved.onnx"
    moved.write_bytes((run / "small.onnx").read_bytes())
    with pytest.raises(SystemExit):
        main(["evaluate", str(moved)])
    assert "give --data.dataset and --data.root" in capsys.readouterr().err


def test_half_precision_says_what_it_costs_and_is_refused_of_a_file(run, capsys):
    main(["evaluate", str(run), "--dtype", "bf16"])
    assert "bf16: " in capsys.readouterr().out
    main(["evaluate", str(run), "--dtype", "bf16", "--json"])
    rounding = json.loads(capsys.readouterr().out)["rounding"]
    assert rounding["dtype"] == "bf16"
    assert 0 < rounding["probability"] < 0.05
    with pytest.raises(SystemExit):
        main(["evaluate", str(run / "small.onnx"), *DATA, "--dtype", "fp16"])
    error = capsys.readouterr().err
    assert "dtype='fp16': a file answers in what it was exported in: export the run" in error


def test_a_run_on_a_table_is_tested_on_its_images_and_on_those_of_another(tmp_path, capsys):
    write_folder(tmp_path / "photos", count=10)
    names = [f"{name}/{number:03}.png" for name in ("ant", "bee") for number in range(10)]
    table, other = tmp_path / "all.csv", tmp_path / "some.csv"
    rows = [f"{name},{name[:3]}" for name in names]
    table.write_text("\n".join(["path,label", *rows]))
    other.write_text("\n".join(["path,label", *rows[:10]]))
    data = {"dataset": "csv", "root": str(tmp_path / "photos"), "train_images": None}
    data |= {"table": str(table), "test_images": None}
    trained = fit(tiny(data=data), tmp_path / "run", progress=False).evaluation
    assert trained is not None
    capsys.readouterr()
    main(["evaluate", str(tmp_path / "run"), "--json"])
    assert json.loads(capsys.readouterr().out)["ensemble"]["nll"] == trained.ensemble.nll
    of_table = ["--data.table", str(other), "--data.root", data["root"]]
    main(["evaluate", str(tmp_path / "run"), *of_table])
    assert "8 of these images were trained on" in capsys.readouterr().err
