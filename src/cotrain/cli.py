"""The ``cotrain`` command; the only file, beside the recipes' reader, that imports jsonargparse."""

import errno
import json
import os
import sys
from collections.abc import Sequence
from itertools import pairwise

from cotrain import commands
from cotrain.basics.errors import CotrainError
from cotrain.basics.files import unwritable
from cotrain.basics.machine import __version__
from cotrain.config.recipes import one_line, read_recipe, recipe_path

_VERBS = {
    "divide": commands.divide,
    "train": commands.train,
    "evaluate": commands.evaluate,
    "predict": commands.predict,
    "benchmark": commands.benchmark,
    "export": commands.export,
    "compare": commands.compare,
    "import-checkpoint": commands.import_checkpoint,
    "recipes": commands.recipes,
    "table": commands.table,
}


# What libraries that write for us (TensorBoard) raise on a full or read-only disk.
_DISK_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES)


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
            version=__version__,
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
    except OSError as error:
        if error.errno not in _DISK_FAULTS:
            raise
        _fail(one_line(unwritable(error.filename or "the output", error)), 2)


def _message(error: CotrainError) -> str:
    """The error's line; torch puts a traceback before one that comes from a loader's worker."""
    if "Traceback (most recent call last)" not in str(error):
        return one_line(error)
    return str(error).strip().splitlines()[-1].partition(": ")[2]


def _fail(message: str, exit_code: int) -> None:
    print(f"cotrain: {message}", file=sys.stderr)
    sys.exit(exit_code)


def readable(words: Sequence[str]) -> list[str]:
    """The command's words as the parser reads them.

    Flags may have dashes (``--num-classes``), a flag alone means true (``--json``), and
    ``--config`` takes a recipe's name. For ``compare`` the S to compare are ``--into``, and the
    one that a recipe trains with is left out. Plain words are ``--runs`` for ``table`` and
    ``--targets`` for ``benchmark``.
    """
    words = [_underscored(word) for word in words]
    if words and words[0] in _PLAIN_WORDS:
        words = _with_plain_words(words, _PLAIN_WORDS[words[0]])
    compare = words[:1] == ["compare"]
    out: list[str] = []
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else ""
        if index and words[index - 1] == "--config":
            word = _config(word, without_into=compare)
        elif word.startswith("--config="):
            word = "--config=" + _config(word.removeprefix("--config="), without_into=compare)
        else:
            name, equals, value = word.partition("=")
            word = _PARAMETERS.get((words[0], name), name) + equals + value
        if word in _SWITCHES and following.lower() not in ("true", "false"):
            word += "=true"
        out.append(word)
    return out


# Flags of a verb whose parameter has another name: ``from`` is a word of Python's own.
_PARAMETERS = {("compare", "--into"): "--sizes", ("import-checkpoint", "--from"): "--source"}
_SWITCHES = (
    "--json",
    "--progress",
    "--independent",
    "--split",
    "--normalize",
    "--data.download",
    "--views.same_view",
    "--optimizer.divide_weight_decay",
    "--hardware.channels_last",
    "--hardware.compile",
)


# Verbs that take any number of plain words, and the parameter that these are for.
_PLAIN_WORDS = {"table": "--runs", "benchmark": "--targets"}


def _with_plain_words(words: Sequence[str], flag: str) -> list[str]:
    """The words with all that are neither flags nor their values as one list under ``flag``."""
    options, plain = [words[0]], []
    for before, word in pairwise(words):
        if before in _SWITCHES:
            is_value = word.lower() in ("true", "false")
        else:
            is_value = before.startswith("--") and "=" not in before
        (options if is_value or word.startswith("-") else plain).append(word)
    return [*options, f"{flag}={json.dumps(plain, ensure_ascii=False)}"] if plain else options


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
