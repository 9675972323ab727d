"""Recipes: the YAML of an experiment, found by name, read with every field checked."""

import difflib
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import yaml

from cotrain.basics.errors import ConfigError
from cotrain.config import Experiment
from cotrain.config.experiment import plain
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
        ConfigError: There is no such recipe.
    """
    made = PAPER_RECIPES.get(str(name_or_path))
    if made is not None and not Path(name_or_path).is_file():
        return text_of(made)
    return recipe_path(name_or_path).read_text(encoding="utf-8")


def read_recipe(name_or_path: str | Path) -> dict[str, Any]:
    """What a recipe says, its keys and values unchecked.

    Raises:
        ConfigError: There is no such recipe, or it is not a YAML mapping of settings.
    """
    path = name_or_path
    try:
        content = yaml.safe_load(recipe_text(path))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"--config {path} is not YAML: {one_line(error)}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"--config {path} holds no settings: give lines such as into: 4")
    for name, default in vars(Experiment()).items():
        if is_dataclass(default) and not isinstance(content.get(name, {}), dict):
            raise ConfigError(
                f"--config {path}: {name}={content[name]!r} is not a group of settings: "
                f"indent them below {name}:"
            )
    return content


def load_recipe(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Experiment:
    """The experiment of a recipe.

    Args:
        name_or_path: A recipe's name or a path.
        overrides: As on the command line, such as ``["--epochs=2", "--optimizer.lr=0.05"]``.

    Raises:
        ConfigError: An unknown recipe, key or value; the message names it.
    """
    from jsonargparse import ArgumentError, ArgumentParser

    parser = ArgumentParser(exit_on_error=False, allow_abbrev=False)
    parser.add_argument("--config", action="config")
    parser.add_class_arguments(Experiment)
    read_recipe(name_or_path)  # it says better than the parser what is wrong with a file
    try:
        parsed = parser.parse_args(["--config", recipe_text(name_or_path), *overrides])
    except ArgumentError as error:
        raise ConfigError(f"{name_or_path}: {one_line(error)}") from error
    parsed.pop("config")
    return Experiment(**vars(parser.instantiate(parsed)))


def one_line(error: Exception) -> str:
    """An error of the parser on one line."""
    return " ".join(str(error).split())


def dump_experiment(experiment: Experiment) -> str:
    """The experiment as YAML with every field, as ``config.yaml`` holds it."""
    return yaml.safe_dump(plain(asdict(experiment)), sort_keys=False)
