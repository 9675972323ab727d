"""The ``cotrain`` command; the only file that imports jsonargparse."""

import errno
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from cotrain.basics.errors import ConfigError, CotrainError
from cotrain.basics.files import unwritable
from cotrain.basics.machine import __version__
from cotrain.basics.streams import drop_output, make_streams_tolerant
from cotrain.basics.text import one_line
from cotrain.cli.completion import completion_script
from cotrain.cli.messages import spoken, unknown_verb
from cotrain.cli.overview import overview
from cotrain.cli.verbs import VERBS
from cotrain.cli.words import readable, with_pilot

# What is raised on a full or read-only disk by all that does not write through ``basics.files``:
# libraries (TensorBoard), and standard output.
_DISK_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)

# What torch says, mostly in a RuntimeError, when memory is not enough.
_OUT_OF_MEMORY = ("allocate memory", "out of memory", "not enough memory", "size calculation")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; a user's error is one line on stderr and exit code 2.

    Args:
        arguments: The words after ``cotrain``; those of the process if None.
    """
    words = with_pilot(sys.argv[1:] if arguments is None else arguments)
    make_streams_tolerant()
    warnings.formatwarning = lambda message, *_, **__: f"cotrain: {one_line(message)}\n"
    try:
        _run(words or ["--help"])
        sys.stdout.flush()
    except CotrainError as error:
        _fail(_message(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("interrupted", 130)
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(map(str(error).count, _OUT_OF_MEMORY)):
            raise
        _fail(f"{_memory_message(error)}: give smaller images, batches or networks", 2)
    except OSError as error:
        drop_output()
        _fail(_system_message(error), 2)


def _run(words: Sequence[str]) -> None:
    """Answer at once what needs no verb; else run the verb."""
    verb = words[0]
    if verb in ("-h", "--help"):
        print(overview(), end="")
    elif verb == "--version":
        print(f"cotrain {__version__}")
    elif verb == "completion":
        print(completion_script(words[1:]))
    elif verb not in VERBS:
        raise ConfigError(unknown_verb(verb))
    else:
        from jsonargparse import ArgumentError, ArgumentParser, auto_cli, set_parsing_settings

        class Parser(ArgumentParser):
            """Its help has no backspace, by which jsonargparse takes back a space."""

            def format_help(self, *args: Any, **kwargs: Any) -> str:
                return super().format_help(*args, **kwargs).replace(" \b", "")

        # A value never makes an object but a record of settings, and imports no module it names.
        set_parsing_settings(
            instantiate_subclass_spec_in_any=False,
            import_path_denylist=["*"],
            import_path_allowlist=["cotrain.config"],
        )
        try:
            auto_cli(
                {verb: VERBS[verb]},
                args=readable(words),
                prog="cotrain",
                parser_class=Parser,
                exit_on_error=False,
                allow_abbrev=False,
            )
        except ArgumentError as error:
            raise ConfigError(spoken(one_line(error), verb)) from None


def _system_message(error: OSError) -> str:
    """The line for what the system refused, of an input or an output."""
    if error.errno in _DISK_FAULTS:
        return one_line(unwritable(error.filename or "the output", error))
    reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return f"{one_line(reason)}: check that it is there, and that you may use it"


def _memory_message(error: Exception) -> str:
    """What torch says, without the place in its source where it says it."""
    reason = one_line(error).rpartition("Allocator: ")[2].partition(". ")[0]
    return f"there is not enough memory ({reason})" if reason else "there is not enough memory"


def _message(error: CotrainError) -> str:
    """The error's line; torch puts a traceback before one that comes from a loader's worker."""
    if "Traceback (most recent call last)" not in str(error):
        return one_line(error)
    return str(error).strip().splitlines()[-1].partition(": ")[2]


def _fail(message: str, exit_code: int) -> None:
    print(f"cotrain: {message}", file=sys.stderr)
    sys.exit(exit_code)
