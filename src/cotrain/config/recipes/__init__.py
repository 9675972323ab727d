"""Recipes: the YAML of an experiment, found by name, read with every field checked."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from cotrain.basics.errors import ConfigError
from cotrain.basics.plain import plain
from cotrain.basics.plain_yaml import dump_yaml, load_yaml
from cotrain.basics.reading import parse_yaml, read_text
from cotrain.basics.records import record_from
from cotrain.basics.text import one_line
from cotrain.config import Experiment
from cotrain.config.heeding import HEEDING
from cotrain.config.recipes.paper import PAPER_RECIPES, text_of

_FOLDER = Path(__file__).parent


def list_recipes() -> list[str]:
    """The names of the recipes that come with the package; those of the paper are ``paper/...``."""
    return sorted([*(path.stem for path in _FOLDER.glob("*.yaml")), *PAPER_RECIPES])


def recipe_path(name_or_path: str | Path) -> Path:
    """The file of a recipe: a path to one's own, or the name of one that comes with the package.

    Raises:
        ConfigError: Neither; close names are listed. The paper's recipes have no file:
            ``recipe_text`` makes them.
    """
    for path in (Path(name_or_path), _FOLDER / f"{name_or_path}.yaml"):
        if path.is_file():
            return path
    if name_or_path in PAPER_RECIPES:
        raise ConfigError(
            f"{name_or_path} is made from the paper's tables and has no file: "
            f"cotrain recipes {name_or_path} > own.yaml writes one"
        )
    close = difflib.get_close_matches(str(name_or_path), list_recipes(), n=3)
    listed = "give a path, or a name that cotrain recipes lists"
    hint = f"did you mean {', '.join(close)}?" if close else listed
    raise ConfigError(f"--config {name_or_path}: there is no such file or recipe: {hint}")


def recipe_text(name_or_path: str | Path) -> str:
    """The YAML of a recipe with its comments: of its file, or made of the paper's tables.

    Raises:
        ConfigError: There is no such recipe, or its file is no text.
    """
    made = PAPER_RECIPES.get(str(name_or_path))
    if made is not None and not Path(name_or_path).is_file():
        return text_of(made)
    return read_text(recipe_path(name_or_path), name=f"--config {name_or_path}")


def read_recipe(name_or_path: str | Path) -> dict[str, Any]:
    """What a recipe says: plain values, their keys and types unchecked.

    Raises:
        ConfigError: There is no such recipe, or it is not a YAML mapping of settings.
    """
    path = name_or_path
    content = parse_yaml(recipe_text(path), f"--config {path}")
    if not isinstance(content, dict):
        raise ConfigError(f"--config {path} holds no settings: give lines such as into: 4")
    settings = cast(dict[str, Any], content)
    for name, default in vars(Experiment()).items():
        if is_dataclass(default) and not isinstance(settings.get(name, {}), dict):
            raise ConfigError(
                f"--config {path}: {name}={settings[name]!r} is not a group of settings: "
                f"indent them below {name}:"
            )
    return settings


def load_recipe(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Experiment:
    """The experiment of a recipe.

    Args:
        name_or_path: A recipe's name or a path.
        overrides: As on the command line, such as ``["--epochs=2", "--optimizer.lr=0.05"]``.

    Raises:
        ConfigError: An unknown recipe, key or value; the message names it.
    """
    settings = read_recipe(name_or_path)
    try:
        said: dict[str, str] = {}
        words = iter(overrides)
        for word in words:
            name, equals, value = word.removeprefix("--").partition("=")
            said[name] = value if equals else next(words, "")
        leave_out_turned_off(settings, said)
        for name, value in said.items():
            _override(settings, name, value)
        return record_from(Experiment, settings)
    except (ConfigError, yaml.YAMLError) as error:
        raise ConfigError(f"{name_or_path}: {one_line(error)}") from None


def leave_out_turned_off(settings: dict[str, Any], said: Mapping[str, str]) -> None:
    """Take out of a recipe what nothing heeds any more, as the user says something else.

    That would be refused, as it is where the user says it.

    Args:
        settings: The recipe's.
        said: What the user says instead, by dotted name.
    """
    for group, rules in HEEDING.items():
        for each in rules:
            value = said.get(f"{group}.{each.by}")
            for name in () if value is None or each.when(value) else each.names:
                settings.get(group, {}).pop(name, None)
    data = settings.get("data", {})
    is_another_table = "data.table" in said and "table" not in data  # in a folder of its own
    if is_another_table or said.get("data.dataset") == "digits":  # which are in no folder
        data.pop("root", None)


def _override(settings: dict[str, Any], name: str, value: str) -> None:
    """Give one setting, by its dotted name, the value that a word of the command line says."""
    *groups, own_name = name.split(".")
    for group in groups:
        settings = settings.setdefault(group, {})
    settings[own_name] = load_yaml(value)


def dump_experiment(experiment: Experiment) -> str:
    """The experiment as YAML with every field, as ``config.yaml`` holds it."""
    return dump_yaml(plain(asdict(experiment)))
