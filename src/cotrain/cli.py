"""The ``cotrain`` command; the only file, beside the recipes' reader, that imports jsonargparse."""

import json
import os
import re
import sys
from collections.abc import Sequence

from cotrain import commands
from cotrain.errors import CotrainError
from cotrain.recipes import one_line, read_recipe, recipe_path

_VERBS = {
    "divide": commands.divide,
    "train": commands.train,
    "evaluate": commands.evaluate,
    "predict": commands.predict,
    "compare": commands.compare,
    "recipes": commands.recipes,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; a user's error is one line on stderr and exit code 2.

    Args:
        arguments: The words after ``cotrain``; those of the process if None.
    """
    from jsonargparse import ArgumentError, auto_cli

    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        auto_cli(
            _VERBS,
            args=readable(words),
            prog="cotrain",
            exit_on_error=False,
            allow_abbrev=False,
            version=_version(),
        )
    except ArgumentError as error:
        verb = words[0] if words and words[0] in _VERBS else ""
        _fail(f"{one_line(error)}: see cotrain {verb} --help".replace("  ", " "), 2)
    except CotrainError as error:
        _fail(_message(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("interrupted", 130)
    except BrokenPipeError:
        # The reader of our output has gone (cotrain ... | head); that is no error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _message(error: CotrainError) -> str:
    """The error's line; torch puts a traceback before one that comes from a loader's worker."""
    if "Traceback (most recent call last)" not in str(error):
        return one_line(error)
    return str(error).strip().splitlines()[-1].partition(": ")[2]


def _fail(message: str, exit_code: int) -> None:
    print(f"cotrain: {message}", file=sys.stderr)
    sys.exit(exit_code)


def _version() -> str:
    from cotrain import __version__

    return __version__


def readable(words: Sequence[str]) -> list[str]:
    """The command's words as the parser reads them.

    Flags may have dashes (``--num-classes``), a flag alone means true (``--json``), and
    ``--config`` takes a recipe's name. For ``compare`` the S to compare are ``--into``, and the
    one that a recipe trains with is left out.
    """
    words = [_underscored(word) for word in words]
    compare = words[:1] == ["compare"]
    out: list[str] = []
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else ""
        if index and words[index - 1] == "--config":
            word = _config(word, without_into=compare)
        elif word.startswith("--config="):
            word = "--config=" + _config(word.removeprefix("--config="), without_into=compare)
        elif compare and re.match(r"--into(=|$)", word):
            word = word.replace("--into", "--sizes", 1)
        if word in _SWITCHES and following.lower() not in ("true", "false"):
            word += "=true"
        out.append(word)
    return out


_SWITCHES = (
    "--json",
    "--progress",
    "--independent",
    "--data.download",
    "--views.same_view",
    "--optimizer.divide_weight_decay",
    "--hardware.channels_last",
    "--hardware.compile",
)


def _underscored(word: str) -> str:
    """``--a-b=c-d`` as ``--a_b=c-d``."""
    name, equals, value = word.partition("=")
    return "--" + name[2:].replace("-", "_") + equals + value if name.startswith("--") else word


def _config(name: str, without_into: bool) -> str:
    """The path of a recipe, or for ``compare`` its content."""
    content = read_recipe(name)
    if not without_into:
        return str(recipe_path(name))
    content.pop("into", None)
    return json.dumps(content, default=str)
