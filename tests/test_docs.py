"""The code blocks of README.md and docs/ run as they stand.

Every ```python block is executed; a ```bash or ```console block is when its first line says
```bash run. The blocks of one page run in order, in one empty folder; python blocks share names.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

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


def run_shell(block: Block) -> subprocess.CompletedProcess:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", shell_code(block)],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path},
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_of_the_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": page.stem}
    for block in blocks_of(page.read_text(encoding="utf-8")):
        if block.kind == "python":
            # The empty lines make a traceback show the page's own line number.
            exec(compile("\n" * (block.line - 1) + block.code, str(page), "exec"), names)
        else:
            done = run_shell(block)
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
