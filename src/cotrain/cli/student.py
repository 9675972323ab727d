"""The settings of a network that learns what a run, or an ensemble that was assembled, knows."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.config.recipes import read_recipe


def student_settings(path: str, said: Collection[str]) -> dict[str, Any]:
    """The teacher's own settings, but for one fresh network of the large one's size.

    An ensemble that was assembled has images, but no settings of a training.

    Args:
        path: The folder of the run, or the ensemble.
        said: Names of the settings that the user gives.

    Raises:
        ConfigError: There is neither, its settings cannot be read, or there is no large network,
            and the user names no other.
    """
    folder = RunFolder(Path(path))
    settings: dict[str, Any] = (
        {"data": _images_of(folder)} if is_assembled(path) else _of_run(folder)
    )
    names = settings.get("network", "").split(",")
    if "network" not in said and (len(names) > 1 or is_assembled(path)):
        raise ConfigError(
            f"{path} has no large network that was divided: name the student's with --network"
        )
    if len(names) > 1 and settings.get("pretrained") is not True:
        settings["pretrained"] = False  # which are files of the networks that it learns from
    changed = {"into": 1, "sized_for": None, "inherit": None, "teacher": {"run": path}}
    # What a teacher answers is not kept, and fresh networks are not fine-tuned.
    tuned: dict[str, Any] = settings.get("fine_tuning", {}) if settings.get("pretrained") else {}
    return settings | changed | {"fine_tuning": tuned | {"cached_views": 0}}


def is_assembled(path: str) -> bool:
    """Whether it is an ensemble's folder that remembers its images, and no run."""
    folder = RunFolder(Path(path))
    return folder.split.is_file() and not folder.config.is_file()


def _of_run(folder: RunFolder) -> dict[str, Any]:
    folder.check_begun()
    return read_recipe(folder.config)


def _images_of(folder: RunFolder) -> dict[str, Any]:
    """The images that an ensemble's networks were trained on, as it takes them."""
    # Imported here because torch takes seconds, and most commands need no such settings.
    from cotrain.data import read_record
    from cotrain.ensemble.folder import read_folder

    record = read_record(folder.split)
    assert record is not None
    origin, shape = record.origin, read_folder(folder.root)[0].preprocessing
    found = {"dataset": origin.dataset, "root": origin.root, **origin.table, **origin.settings}
    if shape is not None:
        found |= {"image_size": shape.image_size, "in_channels": shape.in_channels}
    return found
