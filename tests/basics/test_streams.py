"""Every text is printed in every encoding, and a reader that goes away ends nothing."""

import os
import subprocess
import sys

import pytest

PRINT = """
import sys
from cotrain.basics.streams import drop_output, make_streams_tolerant
make_streams_tolerant()
make_streams_tolerant()
"""


def run(code, **popen):
    settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **popen}
    process = subprocess.Popen([sys.executable, "-c", PRINT + code], **settings)
    out, err = process.communicate()
    return process.returncode, out, err


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("ascii:strict", b"1.5 +- 2 gr\\xf6\\xdfe \\u6f22 \\udcff\n"),
        ("cp1252", b"1.5 \xb1 2 gr\xf6\xdfe \\u6f22 \\udcff\n"),
        ("utf-8:strict", "1.5 ± 2 größe 漢 \\udcff\n".encode()),
    ],
)
def test_what_an_encoding_has_not_is_written_as_its_number(encoding, expected):
    code = 'text = "1.5 ± 2 größe 漢 \\udcff"\nprint(text)\nprint(text, file=sys.stderr)'
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    assert run(code, env=env) == (0, expected, expected)


def test_no_text_steers_the_terminal_but_what_rich_writes():
    code = """
import json
from rich.console import Console
print("a\\x1b[31mb\\x07\\tc\\x9b2J\\u202ed", "\\r")
print("\\r 5%", file=sys.stderr)
print(json.dumps("\\x7f\\x1b"))
Console(force_terminal=True, color_system="standard").print("red", style="red")
print("\\x1b[0m", file=sys.stderr)
"""
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    out = b'a\\x1b[31mb\\x07\tc\\x9b2J\\u202ed \\r\n"\\u007f\\u001b"\n\x1b[31mred\x1b[0m\n'
    assert run(code, env={**env, "TERM": "xterm"}) == (0, out, b"\r 5%\n\\x1b[0m\n")


def test_what_nobody_reads_is_dropped():
    reader, writer = os.pipe()
    os.close(reader)
    code = "print('x' * 10 ** 6, flush=True)\nprint('end')\nprint('e', file=sys.stderr)"
    assert run(code, stdout=writer) == (0, None, b"e\n")
    assert run(code, stderr=writer) == (0, b"x" * 10**6 + b"\nend\n", None)
    os.close(writer)


def test_closed_streams_are_ones_that_nobody_reads():
    code = "print(1)\nprint(2, file=sys.stderr)\nassert not sys.stdout.isatty()"
    assert run(code, preexec_fn=lambda: (os.close(1), os.close(2))) == (0, b"", b"")


def test_a_full_disk_is_an_error_until_the_output_is_given_up():
    code = """
try:
    print(1, flush=True)
except OSError as error:
    print(error.strerror, file=sys.stderr)
drop_output()
"""
    with open("/dev/full", "wb") as full:
        assert run(code, stdout=full) == (0, None, b"No space left on device\n")


def test_what_standard_error_cannot_take_changes_no_exit_code():
    code = "print('e', file=sys.stderr)\nprint(1)\nsys.exit(2)"
    with open("/dev/full", "wb") as full:
        assert run(code, stderr=full) == (2, b"1\n", None)
