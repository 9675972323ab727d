"""Training needs no reader, and answers are printed in any encoding."""

import os
from pathlib import Path

import pytest
from command import TRAIN, call, start
from PIL import Image

from cotrain.basics.run_folder import RunFolder


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    """A run whose reader went away after the first lines (``| head``)."""
    folder = RunFolder(tmp_path_factory.mktemp("streams") / "run")
    process = start("train", *TRAIN, "--output", folder.root)
    assert process.stdout is not None
    assert process.stdout.readline() == "data: digits, 10 classes\n"
    summary = [process.stdout.readline() for _ in range(3)]
    assert [line.split()[0] for line in summary] == ["train:", "test:", "images"]
    assert "warming up" in process.stdout.readline()
    assert process.stdout.readline().startswith("epoch 1/2: loss ")
    process.stdout.close()
    assert process.communicate()[1] == ""
    assert process.returncode == 0
    return folder


def test_training_goes_on_when_its_reader_has_gone(run):
    assert run.evaluation.is_file()
    assert len(run.metrics.read_text().splitlines()) == 3


def test_training_without_any_output(tmp_path, run):
    folder = RunFolder(tmp_path / "run")
    words = ["train", *TRAIN, "--output", folder.root]
    assert call(*words, preexec_fn=lambda: (os.close(1), os.close(2)))[0] == 0
    assert folder.predictions.read_bytes() == run.predictions.read_bytes()


def test_answers_where_output_is_ascii(run, tmp_path: Path):
    Image.new("L", (8, 8), 100).save(tmp_path / "größe.png")
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}
    words = ("predict", run.root, tmp_path / "größe.png", "--format", "csv")
    code, out, err = call(*words, env=ascii_only)
    assert code == 0
    assert err.startswith("images: 1 in ")
    assert "Traceback" not in err
    assert "gr\\xf6\\xdfe.png" in out.splitlines()[1]


def test_an_answer_that_cannot_be_written_is_an_error(run):
    with open("/dev/full", "wb") as full:
        code, _, err = call("evaluate", run.root, stdout=full)
    assert code == 2
    *summary, error = err.splitlines()
    assert summary[0] == "data: digits, 10 classes"
    assert error.startswith("cotrain: cannot write the output: No space left on device")
    assert "cotrain: " not in "".join(summary)


def test_a_comparison_where_output_is_ascii(tmp_path):
    small = ("--into=1,2", "--seeds=0", "--independent=false", "--jobs=1", "--epochs=1")
    code, out, err = call(
        *("compare", *TRAIN, *small, "--output", tmp_path / "c"),
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict"},
    )
    assert code == 0
    assert "Traceback" not in err
    assert "S=2" in out
