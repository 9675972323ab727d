"""The code blocks of README.md and docs/ run as they stand.

Every ```python block is executed; a ```bash or ```console block is when its first line says
```bash run. The blocks of one page run in order, in one empty folder; python blocks share names.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from forked_command import forked_commands

ROOT = Path(__file__).parent.parent
PAGES = sorted(ROOT.glob("docs/**/*.md")) + sorted(ROOT.glob("README.md"))
BLOCK = re.compile(r"^```(python|bash run|console run)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    kind: str
    line: int
    code: str


def blocks_of(text: str) -> list[Block]:
    """The runnable blocks of a page, each with the line its code starts on."""
    return [
        Block(found[1].split()[0], text.count("\n", 0, found.start(2)) + 1, found[2])
        for found in BLOCK.finditer(text)
    ]


def shell_code(block: Block) -> str:
    """A bash block as it stands; of a console block, the lines that are typed after "$ "."""
    if block.kind == "bash":
        return block.code
    return "\n".join(re.findall(r"^\$ (.*)$", block.code, re.MULTILINE))


@pytest.fixture(scope="module")
def commands(tmp_path_factory) -> Iterator[Path]:
    """A folder whose ``cotrain`` need not import anything, as there are a hundred calls of it."""
    with forked_commands(tmp_path_factory.mktemp("commands")) as folder:
        yield folder


def run_shell(block: Block, commands: Path) -> subprocess.CompletedProcess:
    path = os.pathsep.join([str(commands), str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", shell_code(block)],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path},
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_of_the_page_runs(page, commands, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": page.stem}
    for block in blocks_of(page.read_text(encoding="utf-8")):
        if block.kind == "python":
            # The empty lines make a traceback show the page's own line number.
            exec(compile("\n" * (block.line - 1) + block.code, str(page), "exec"), names)
        else:
            done = run_shell(block, commands)
            assert done.returncode == 0, f"{page.name}:{block.line}\n{done.stdout}{done.stderr}"


def test_blocks_are_found():
    page = "\n".join(
        [
            "# Title",
            "```python",
            "a = 1",
            "```",
            "```bash",
            "not run",
            "```",
            "```console run",
            "$ echo hello",
            "hello",
            "```",
        ]
    )
    blocks = blocks_of(page)
    assert blocks == [Block("python", 3, "a = 1\n"), Block("console", 9, "$ echo hello\nhello\n")]
    assert shell_code(blocks[1]) == "echo hello"


def test_a_command_that_is_forked_is_the_command(commands, tmp_path):
    """Its words, folder, variables, files and exit code are those of the call."""
    done = run_shell(Block("bash", 1, f"cd {tmp_path}\ncotrain recipes digits | head -2"), commands)
    assert (done.returncode, done.stdout.startswith("#")) == (0, True), done.stderr
    code = "cotrain train --config none.yaml 2>&1 || echo $?; COLUMNS=60 cotrain divide --nothing"
    done = run_shell(Block("bash", 1, code), commands)
    assert done.returncode == 2
    assert done.stdout.splitlines()[-1] == "2"
    assert "none.yaml" in done.stdout
    assert "cotrain: " in done.stderr
