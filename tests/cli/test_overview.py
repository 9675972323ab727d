"""What ``cotrain --help`` and ``--version`` say, at once: without torch."""

import subprocess
import sys

import pytest

import cotrain
from cotrain.cli import main
from cotrain.cli.overview import overview
from cotrain.cli.verbs import VERBS


def test_it_says_what_it_is_then_shows_three_examples_then_lists_every_verb():
    text = overview()
    assert text.startswith("cotrain replaces one large network by S small ones")
    examples = [line for line in text.splitlines() if line.startswith("  cotrain ")]
    assert [line.split()[1] for line in examples] == ["divide", "train", "predict"]
    listed = text.partition("verbs:\n")[2].splitlines()[: len(VERBS)]
    assert [line.split()[0] for line in listed] == list(VERBS)


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help(capsys, words):
    main(words)
    assert capsys.readouterr().out == overview()


def test_version(capsys):
    main(["--version"])
    assert capsys.readouterr().out == f"cotrain {cotrain.__version__}\n"


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["train", "--help"]])
def test_torch_is_not_imported_for_it(words):
    code = (
        "import sys\nfrom cotrain.cli import main\n"
        f"try: main({words!r})\nexcept SystemExit as end: assert not end.code\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.returncode == 0
