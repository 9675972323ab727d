"""``cotrain predict``: several paths, the most probable classes, a file of answers."""

import json
from pathlib import Path

import numpy as np
import pytest
from image_folders import write_folder
from PIL import Image

import cotrain
from cotrain.cli import main

RUN = Path(__file__).parents[2] / "saved" / "v0.1.0" / "run"


@pytest.fixture
def images(tmp_path) -> list[Path]:
    """A file and a folder of two; one of its names is not UTF-8."""
    folder = tmp_path / "folder"
    folder.mkdir()
    paths = [tmp_path / "a.png", folder / "b.png", folder / "c\udcff.png"]
    for index, path in enumerate(paths):
        pixels = np.random.default_rng(index).integers(256, size=(8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return [paths[0], folder]


@pytest.fixture
def answered(capsys):
    """What the command prints."""

    def run(*words: object) -> str:
        main(["predict", str(RUN), *map(str, words)])
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("options", [{}, {"top": 3}, {"probabilities": True}])
def test_the_command_and_python_answer_alike(images, answered, options):
    rows = cotrain.load(RUN).predict_files(images, **options)
    assert [Path(row.path).name for row in rows] == ["a.png", "b.png", "c\udcff.png"]
    flags = [f"--{name}={json.dumps(value)}" for name, value in options.items()]
    found = json.loads(answered(images[0], *flags, "--format", "json", images[1]))
    wanted = ["path", "label", "probability", "disagreement", "mutual_information", "error"]
    assert list(found[0]) == [*wanted, *options]
    for line, row in zip(found, rows, strict=True):
        assert [line[name] for name in wanted] == [getattr(row, name) for name in wanted]
        assert line.get("probabilities") == row.probabilities
        if row.top is not None:
            assert [list(each.values()) for each in line["top"]] == [
                [each.label, each.probability] for each in row.top
            ]


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl"])
def test_a_file_of_answers_holds_what_is_printed(images, answered, tmp_path, ending):
    printed = answered(*images, "--top", 2, "--format", ending)
    output = tmp_path / f"answers.{ending}"
    output.write_text("old")
    assert answered(*images, "--top", 2, "--output", output) == f"answers: {output}\n"
    assert output.read_text() == printed
    assert list(tmp_path.glob("*.tmp")) == []


def test_the_table_shows_the_most_probable_classes(images, answered, monkeypatch):
    (row,) = cotrain.load(RUN).predict_files(images[0], top=2)
    assert row.top is not None
    monkeypatch.chdir(images[0].parent)
    lines = [line.split() for line in answered("a.png", "--top", 2).splitlines()]
    assert lines[-2][1:3] == [row.top[0].label, f"{row.top[0].probability:.4f}"]
    assert lines[-1] == [row.top[1].label, f"{row.top[1].probability:.4f}"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--top", "0"], "top=0 is not in [1, 10]"),
        (["--top", "3", "--probabilities"], "give one of them"),
        (["--output", "a.txt"], "does not say its format"),
        (["--output", "IMAGE", "--format", "csv"], "is read, and would be lost"),
        (["absent.png"], "absent.png is neither a file nor a folder"),
    ],
)
def test_what_cannot_be_is_one_line(images, capsys, words, message):
    before = images[0].read_bytes()
    words = [word.replace("IMAGE", str(images[0])) for word in words]
    with pytest.raises(SystemExit) as caught:
        main(["predict", str(RUN), *map(str, images), *words])
    out, err = capsys.readouterr()
    assert (caught.value.code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert images[0].read_bytes() == before


def test_files_that_all_fail_are_an_error_and_still_rows(tmp_path, capsys):
    paths = [tmp_path / name for name in ("a.png", "b.png")]
    for path in paths:
        path.write_text("no image")
    with pytest.raises(SystemExit) as caught:
        main(["predict", str(RUN), *map(str, paths), "--output", str(tmp_path / "a.json")])
    assert caught.value.code == 2
    assert "none of 2 images got an answer: not an image" in capsys.readouterr().err
    rows = json.loads((tmp_path / "a.json").read_text())
    assert [row["error"] for row in rows] == ["not an image"] * 2


def test_what_was_read_and_what_was_left_out(tmp_path, capsys):
    photos = write_folder(tmp_path / "photos", count=2, size=(8, 8))
    (photos / "ant" / "2.heic").touch()
    (photos / "ant" / ".ipynb_checkpoints").mkdir()
    (photos / "bee" / "cut.png").write_bytes(b"no image")
    main(["predict", str(RUN), str(photos), "--format", "jsonl"])
    out, err = capsys.readouterr()
    errors = [json.loads(line)["error"] for line in out.splitlines()]
    assert errors == [None] * 4 + ["not an image"]
    lines = err.splitlines()
    assert lines[0] == f"images: 5 in {photos}"
    assert lines[1].startswith("  images of 8 x 8 pixels, grey: the shorter side resized to 8 ")
    assert sorted(lines[2].removeprefix("  left out: ").split(", ")) == ["1 .heic", "1 hidden"]
    assert lines[3:] == ["  without an answer: 1, whose rows say why"]


def test_half_precision_gives_almost_the_same_probabilities(images, answered):
    exact, half = (
        json.loads(answered(images[1], "--dtype", dtype, "--format", "json"))
        for dtype in ("fp32", "bf16")
    )
    for one, other in zip(exact, half, strict=True):
        assert one["probability"] != other["probability"]
        assert one["probability"] == pytest.approx(other["probability"], abs=0.02)
