"""Standard output and error that take every text, and whose readers may go away."""

import codecs
import errno
import io
import os
import sys
from typing import Any, TextIO

from cotrain.basics.text import printable_lines

# What stands for our own signs where an encoding has none.
_SIGNS = {"±": "+-", "×": "x", "…": "...", "→": "->", "≤": "<=", "≥": ">="}  # noqa: RUF001
# The other end of a pipe, or the terminal, is gone.
_READER_GONE = (errno.EPIPE, errno.EIO)


def make_streams_tolerant() -> None:
    """From here on, printing fails only where a disk does, and steers no terminal.

    A character that the encoding has not is written as its number (``\\xe9``). Control characters
    but for new lines and tabs are written as escapes, whoever prints them: a file may be called
    anything. When the reader is gone (``| head``), the rest is dropped, and so is what standard
    error cannot take, as there is nowhere to say so. A closed stream (``>&-``) is one that nobody
    reads. Streams that are not the process's own, as a notebook's, are left alone.
    """
    codecs.register_error("cotrain.readable", _readable)
    # Python 3.13's own colours, of a traceback, would be shown as escapes too.
    os.environ.setdefault("PYTHON_COLORS", "0")
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif stream is getattr(sys, f"__{name}__"):
            setattr(sys, name, _tolerant(stream, descriptor))


def drop_output() -> None:
    """Give up on what is not written yet, which could not be."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if isinstance(raw, _Output):
        raw.dropped = True


def _tolerant(stream: TextIO, descriptor: int) -> TextIO:
    stream.flush()
    return _Shown(
        io.BufferedWriter(_Output(descriptor)),
        encoding=stream.encoding,
        errors="cotrain.readable",
        line_buffering=stream.isatty() or descriptor == 2,
    )


class _Shown(io.TextIOWrapper):
    """Text without what steers a terminal, but for what rich writes to move and to colour."""

    def write(self, text: str, /) -> int:
        # Progress bars of other libraries go back to the beginning of their line.
        begin = "\r" if text.startswith("\r") and self.fileno() == 2 else ""
        # The one control character that JSON holds as it is; this escape JSON has too.
        text = text.removeprefix(begin).replace("\x7f", "\\u007f")
        return super().write(begin + printable_lines(text))

    @property
    def rich_proxied_file(self) -> "_Steering":
        """Where rich writes: this is the name by which it asks a stream for the one behind it."""
        return _Steering(self)


class _Steering:
    """The same stream, of which all is written as it is."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return io.TextIOWrapper.write(self._stream, text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Output(io.RawIOBase):
    """A descriptor; what its reader is gone for is dropped, and what standard error cannot take."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.dropped = False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, content) -> int:  # type: ignore[override]
        if not self.dropped:
            try:
                return os.write(self._descriptor, content)
            except OSError as error:
                self.dropped = error.errno in _READER_GONE
                if not self.dropped and self._descriptor != 2:
                    raise
        return len(content)


def _readable(error: UnicodeError) -> tuple[str, int]:
    """What is written for characters that the encoding has not."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(map(_spelled, text)), error.end


def _spelled(character: str) -> str:
    return _SIGNS.get(character) or character.encode("ascii", "backslashreplace").decode()
