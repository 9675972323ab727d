"""What the parser finds wrong with the words of a command, told without Python's types."""

import difflib
import re
from collections.abc import Collection, Mapping
from inspect import Parameter, signature
from typing import Any

from cotrain.basics.records import in_words
from cotrain.cli.flags import types_of_flags
from cotrain.cli.verbs import VERBS

# The beginnings of the messages of jsonargparse and argparse, and what each names.
_UNKNOWN = re.compile(r"unrecognized arguments: (\S+)")
_MISSING = re.compile(r"the following arguments are required: ([^\s,]+)")
# Of a record that may be null, such as --data of evaluate.
_UNKNOWN_FIELD = re.compile(r'Parser key "(\w+)": .*NestedArg\(key=\'([\w.]+)\'')
_CODE = re.compile(r'Parser key "(\w+)": .*(Importing \S+ is not allowed|Import path \S+)')
_WRONG = re.compile(r'Parser key "([\w.]+)": .*G(?:ot|iven) value: (.*?)\.?$')
_GROUP = re.compile(r'Parser key "([\w.]+)": Unable to load config \'(.*?)\'')


def spoken(error: str, verb: str) -> str:
    """The parser's error as one clear line with the next step.

    Args:
        error: The message of the parser, on one line.
        verb: Whose words were read.
    """
    types = types_of_flags(verb)
    told = error
    if found := _UNKNOWN.match(error):
        told = _unknown(found[1].partition("=")[0], types)
    elif found := _MISSING.match(error):
        told = _missing(found[1].rpartition(".")[2].removeprefix("--"), verb)
    elif found := _UNKNOWN_FIELD.match(error):
        told = _unknown(f"--{found[1]}.{found[2]}", types)
    elif found := _CODE.match(error):
        told = f"--{found[1]} names code to run ({found[2]}): give settings only"
    elif found := _GROUP.match(error):
        inside = next((flag for flag in types if flag.startswith(f"--{found[1]}.")), "")
        told = f"--{found[1]} {found[2]}: it is a group of settings, such as {inside}"
    elif (found := _WRONG.match(error)) and f"--{found[1]}" in types:
        flag = f"--{found[1]}"
        told = f"{flag} {found[2]} is not {in_words(types[flag])}"
    return f"{told}: see cotrain {verb} --help"


def unknown_verb(word: str) -> str:
    """The error for a first word that is no verb."""
    return f"{word!r} is no verb of cotrain{_near(word, VERBS)}: see cotrain --help"


def _missing(name: str, verb: str) -> str:
    is_word = signature(VERBS[verb]).parameters[name].kind is Parameter.POSITIONAL_OR_KEYWORD
    return f"{name.upper() if is_word else f'--{name}'} is missing"


def _unknown(word: str, flags: Mapping[str, Any]) -> str:
    if not word.startswith("--"):
        return f"{word!r} is one word too many"
    return f"{word} is not known{_near(word, flags)}"


def _near(word: str, known: Collection[str]) -> str:
    bare = {each.lstrip("-"): each for each in known}  # that all begin with -- makes none near
    near = difflib.get_close_matches(word.lstrip("-"), bare, n=1)
    return f", did you mean {bare[near[0]]}?" if near else ""
