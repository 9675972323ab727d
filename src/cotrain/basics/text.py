"""Text of others on the user's screen: one line, and nothing that steers a terminal."""

import unicodedata

# Of Unicode's categories: control characters, what reorders or hides text (U+202E), halves of
# surrogate pairs (bytes of a file name that are not UTF-8), and the separators of lines.
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def printable(text: str) -> str:
    """The text with what cannot be seen as escapes, such as ``\\x1b``."""
    if text.isprintable():
        return text
    return "".join(
        _escaped(each) if unicodedata.category(each) in _UNSEEN else each for each in text
    )


def printable_lines(text: str) -> str:
    """A text of several lines, each printable; tabs are kept."""
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def one_line(message: object) -> str:
    """A message, such as a parser's error, on one line that a terminal can show."""
    return printable(" ".join(str(message).split()))


def duration(seconds: float) -> str:
    """A time in the unit that suits it, such as ``12 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
