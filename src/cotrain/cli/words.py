"""The words of the command line as the parser reads them."""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise

from cotrain.basics.errors import ConfigError
from cotrain.basics.text import printable
from cotrain.cli.flags import types_of_flags
from cotrain.cli.student import is_assembled, student_settings
from cotrain.cli.verbs import VERBS
from cotrain.config.recipes import leave_out_turned_off, read_recipe


def readable(words: Sequence[str]) -> list[str]:
    """The command's words as the parser reads them.

    Flags may have dashes (``--num-classes``), a flag alone means true (``--json``), and
    ``--config`` takes a recipe's name; other flags override it, also those that stand before it.
    For ``compare`` and ``pilot`` the S are ``--into``, and the one that a recipe trains with is
    left out. Plain words are ``--runs`` for ``table``, ``assemble`` and ``soup``, ``--targets``
    for ``benchmark``, ``--show`` for ``recipes`` and ``--patterns`` for ``networks``; for
    ``predict`` all after the first are one, parted by the character that no path has; for
    ``views`` the one is ``--config``. For ``distill`` the settings are those of the run; the
    images of an ensemble that was assembled are not those of a recipe. Several networks say
    themselves how many they are, whatever a recipe says of dividing.
    """
    words = _recipes_first([_underscored(word) for word in words])
    if words[:1] == ["predict"]:
        words = _with_paths(words)
    elif words[:1] == ["views"]:
        words = _with_recipe(words)
    elif words and words[0] in _PLAIN_WORDS:
        words = _with_plain_words(words, _PLAIN_WORDS[words[0]])
    said = _said(words)
    several = len(said.get("network", "").split(",")) if words[:1] == ["train"] else 1
    unsaid = _DIVIDING if several > 1 else _not_of_recipes(words)
    out: list[str] = []
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else ""
        if index and words[index - 1] == "--config":
            word = _config(word, said, unsaid)
        elif word.startswith("--config="):
            word = "--config=" + _config(word.removeprefix("--config="), said, unsaid)
        else:
            name, equals, value = word.partition("=")
            word = _PARAMETERS.get((words[0], name), name) + equals + value
        if word in _SWITCHES.get(words[0], ()) and following.lower() not in ("true", "false"):
            word += "=true"
        out.append(word)
    if several > 1 and "into" not in said:
        out.append(f"--into={several}")
    return [*out[:1], *_settings_of_run(words), *out[1:]] if words[:1] == ["distill"] else out


def with_pilot(words: Sequence[str]) -> list[str]:
    """The words; ``plan --pilot`` is the verb ``pilot``, which has flags of its own."""
    words = list(words)
    if words[:1] != ["plan"] or "--pilot" not in words:
        return words
    return ["pilot", *(word for word in words[1:] if word != "--pilot")]


# Flags of a verb whose parameter has another name: ``from`` is a word of Python's own, and
# ``teacher`` a group of settings.
_PARAMETERS = {
    ("compare", "--into"): "--sizes",
    ("compare", "--teacher"): "--teacher.run",
    ("pilot", "--into"): "--sizes",
    ("pilot", "--teacher"): "--teacher.run",
    ("train", "--member"): "--co_training.member",
    ("import-checkpoint", "--from"): "--source",
    ("train", "--teacher"): "--teacher.run",
}


# What a recipe says of its own network alone.
_DIVIDING = ("into", "sized_for", "dividing")


# The flags of each verb that are true or false.
_SWITCHES = {
    verb: {flag for flag, kind in types_of_flags(verb).items() if kind in (bool, bool | None)}
    for verb in VERBS
}


# Verbs that take any number of plain words, and the parameter that these are for.
_PLAIN_WORDS = {
    "table": "--runs",
    "benchmark": "--targets",
    "recipes": "--show",
    "networks": "--patterns",
    "assemble": "--runs",
    "soup": "--runs",
}


def _settings_of_run(words: Sequence[str]) -> list[str]:
    """What the run that is the first plain word has for settings, to stand before all others."""
    options, plain = _parted(words)
    if not plain or any(word in ("-h", "--help") for word in options):
        return []
    said = _said(words)
    settings = student_settings(plain[0], said)
    leave_out_turned_off(settings, said)
    return [f"--config={json.dumps(settings)}"]


def _recipes_first(words: Sequence[str]) -> list[str]:
    """The words with recipes before all flags: the parser heeds the last of what is said twice."""
    recipes, others = [], []
    for before, word in pairwise(words):
        is_recipe = "--config" in (before, word) or word.startswith("--config=")
        (recipes if is_recipe else others).append(word)
    return [*words[:1], *recipes, *others]


def _with_plain_words(words: Sequence[str], flag: str) -> list[str]:
    """The words with the plain ones as one list under ``flag``.

    Raises:
        ConfigError: One whose bytes are not UTF-8, for which the list, read as YAML, has no word.
    """
    options, plain = _parted(words)
    for word in plain:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise ConfigError(
                f"{words[0]} {printable(word)}: this name is not UTF-8: rename it, or give a link "
                "to it"
            ) from None
    return [*options, f"{flag}={json.dumps(plain, ensure_ascii=False)}"] if plain else options


def _with_paths(words: Sequence[str]) -> list[str]:
    """The words with the plain ones after the first as one.

    A list would be read as YAML, which has no word for a path whose bytes are not UTF-8.
    """
    options, plain = _parted(words)
    return [*options, *plain[:1], *(["\0".join(plain[1:])] if plain[1:] else [])]


def _with_recipe(words: Sequence[str]) -> list[str]:
    """The words with the first plain one as the recipe, before what changes it."""
    options, plain = _parted(words)
    recipe = ["--config", plain[0]] if plain else []
    return [*options[:1], *recipe, *options[1:], *plain[1:]]


def _parted(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The verb with its flags and their values, and the plain words."""
    options, plain, switches = [words[0]], [], _SWITCHES.get(words[0], ())
    for before, word in pairwise(words):
        if before in switches:
            is_value = word.lower() in ("true", "false")
        else:
            is_value = before.startswith("--") and "=" not in before
        (options if is_value or word.startswith("-") else plain).append(word)
    return options, plain


def _underscored(word: str) -> str:
    """``--a-b=c-d`` as ``--a_b=c-d``."""
    name, equals, value = word.partition("=")
    return "--" + name[2:].replace("-", "_") + equals + value if name.startswith("--") else word


def _said(words: Sequence[str]) -> dict[str, str]:
    """The values of flags by their names."""
    said = {}
    for word, following in pairwise([*words, ""]):
        name, equals, value = word.partition("=")
        if name.startswith("--"):
            said[name[2:]] = value if equals else following
    return said


def _not_of_recipes(words: Sequence[str]) -> Sequence[str]:
    """Settings that no recipe says: for several S, and a student, no S; for known images none."""
    if words[:1] not in (["compare"], ["pilot"], ["distill"]):
        return ()
    plain = _parted(words)[1] if words[0] == "distill" else []
    return ("into", "data") if plain and is_assembled(plain[0]) else ("into",)


def _config(name: str, said: Mapping[str, str], unsaid: Sequence[str]) -> str:
    """What a recipe says, as JSON, as the parser reads no file."""
    content = read_recipe(name)
    leave_out_turned_off(content, said)
    return json.dumps({key: each for key, each in content.items() if key not in unsaid})
