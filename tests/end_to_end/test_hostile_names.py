"""Files and classes of any name: nothing steers the terminal, and JSON has the exact names."""

import json
import os
import pty
from pathlib import Path

import pytest
from command import call, start
from image_folders import noise

CLASSES = (b"\x1b]0;title\x07cat", b"=1+1", b"\xffdog")
FILES = (b"=2+5.png", b"a\x1b[2Jb.png", b"two\nlines.png", b"\xc2\x9b31m.png", b"\xfe.png")
TRAIN = (
    *("--config", "imagefolder", "--network", "basic_resnet8_4", "--into", "2", "--epochs", "1"),
    *("--batch-size", "4", "--data.test", "0.4", "--data.validation", "none"),
    *("--data.image_size", "8", "--hardware.accelerator", "cpu"),
)


def check_steers_nothing(*texts: str) -> None:
    for text in texts:
        assert text.replace("\n", "").isprintable(), ascii(text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Images, and ``run``, which was trained on them."""
    folder = tmp_path_factory.mktemp("hostile")
    for number, name in enumerate(CLASSES):
        place = folder / "data" / os.fsdecode(name)
        place.mkdir(parents=True)
        for index, file in enumerate(FILES):
            noise(10 * number + index, (8, 8)).save(place / os.fsdecode(file))
    code, *texts = call("train", *TRAIN, "--data.root", "data", "--output", "run", cwd=folder)
    assert code == 0, texts
    check_steers_nothing(*texts)
    return folder


@pytest.mark.parametrize("format", ["table", "csv", "json", "jsonl"])
def test_answers(folder, format):
    code, *texts = call("predict", "run", "data", "--top=3", "--format", format, cwd=folder)
    assert code == 0, texts
    check_steers_nothing(*texts)


def test_json_has_the_exact_names(folder):
    words = ("predict", "run", "data", "--probabilities", "--output", "answers.json")
    assert call(*words, cwd=folder)[0] == 0
    rows = json.loads((folder / "answers.json").read_text())
    names = {os.path.join(b"data", name, file) for name in CLASSES for file in FILES}
    assert {os.fsencode(row["path"]) for row in rows} == names
    assert {os.fsencode(name) for name in rows[0]["probabilities"]} == set(CLASSES)


def test_a_file_that_is_named_may_be_called_anything(folder):
    file = os.fsdecode(os.path.join(b"data", CLASSES[2], FILES[4]))
    code, out, err = call("predict", "run", file, file, "--format", "json", cwd=folder)
    assert code == 0, err
    assert [row["path"] for row in json.loads(out)] == [file] * 2


@pytest.mark.parametrize(
    "words",
    [
        ("predict", "run", "\x1b[2J.png"),
        ("predict", "\x1b[2J\udcff", "data"),
        ("evaluate", "run", "--combine", "\x1b[2J"),
        ("train", "--config", "\x1b[2J\n"),
        ("\x1b[2J",),
        ("divide", "\x1b[2J"),
        ("divide", "resnet110", "--\x1b[2J", "1"),
        ("export", "run", "--format", "onnx", "--output", "absent/\x1b/\x00".rstrip("\x00")),
    ],
)
def test_errors_and_paths(folder, words):
    check_steers_nothing(*call(*words, cwd=folder)[1:])


def test_on_a_terminal_rich_alone_steers(folder):
    ours, theirs = pty.openpty()
    process = start("predict", "run", "data", cwd=folder, stdout=theirs, stderr=theirs, text=None)
    os.close(theirs)
    shown = b""
    while part := _read(ours):
        shown += part
    assert process.wait() == 0
    assert b"\x1b[1m" in shown  # the head of the table, in bold
    assert b"\\x1b]0;title\\x07cat" in shown
    assert not any(code in shown for code in (b"\x1b]", b"\x07", b"\x1b[2J", b"\xc2\x9b"))


def _read(descriptor: int) -> bytes:
    """What a terminal shows next; nothing when the command has ended."""
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""
