"""Files and classes of any name: nothing steers the terminal, and JSON has the exact names."""

import json
import os
import pty
import subprocess
import sys
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


# Commands one after the other, in one process: what one prints, all do.
EACH = """
import json, sys
from cotrain.cli import main
for words in json.loads(sys.argv[1]):
    try:
        main(words)
    except SystemExit:
        pass
"""


def test_answers_paths_and_errors(folder):
    predict = ["predict", "run", "data", "--top=3", "--format"]
    hostile = "\x1b[2J"
    commands = [
        *([*predict, format] for format in ("table", "csv", "json", "jsonl")),
        ["evaluate", "run"],
        ["predict", "run", f"{hostile}.png"],
        ["predict", f"{hostile}\udcff", "data"],
        ["evaluate", "run", "--combine", hostile],
        ["train", "--config", f"{hostile}\n"],
        [hostile],
        ["divide", hostile],
        ["divide", "resnet110", f"--{hostile}", "1"],
        ["export", "run", "--format", "onnx", "--output", hostile],
    ]
    words = [sys.executable, "-c", EACH, json.dumps(commands)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
    check_steers_nothing(done.stdout, done.stderr)
    # In table and CSV, and in both JSON: in 5 of the 15 paths, and among the classes of each.
    assert done.stdout.count("\\x1b]0;title\\x07cat") >= 2 * 20
    assert done.stdout.count("\\u001b]0;title\\u0007cat") >= 2 * 20
    errors = [line for line in done.stderr.splitlines() if line.startswith("cotrain: ")]
    assert sum("\\x1b[2J" in line for line in errors) >= 7


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
