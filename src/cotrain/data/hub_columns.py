"""Which columns of a data set of Hugging Face's hold the images and their classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.config import Data

_IMAGES = ("image", "img", "picture", "photo")
_LABELS = ("label", "labels", "class", "target", "class_name")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What a data set's columns are.

    Args:
        image: The column of images.
        label: The column of classes.
        names: The classes that it knows, in order; None where only the rows say them.
    """

    image: str
    label: str
    names: tuple[str, ...] | None


def columns_of(features: Mapping[str, Any], data: Data) -> Columns:
    """The columns as ``data`` names them, else by their kind, else by their usual names.

    Raises:
        ConfigError: One is missing, or could be either of several.
    """
    pictures = [name for name, kind in features.items() if type(kind).__name__ == "Image"]
    structs = [
        name
        for name, kind in features.items()
        if isinstance(kind, Mapping) and kind.keys() == {"bytes", "path"}
    ]
    classes = [name for name, kind in features.items() if type(kind).__name__ == "ClassLabel"]
    image = _one("path_column", features, data, pictures or structs, _IMAGES)
    label = _one("label_column", features, data, classes, _LABELS)
    names = getattr(features[label], "names", None)
    return Columns(image=image, label=label, names=None if names is None else tuple(names))


def _one(
    setting: str,
    features: Mapping[str, Any],
    data: Data,
    alike: list[str],
    usual: tuple[str, ...],
) -> str:
    asked = getattr(data, setting)
    found = alike or [name for name in features if name.lower() in usual]
    if asked is not None:
        found = [asked] if asked in features else []
    if len(found) == 1:
        return found[0]
    what = "images" if setting == "path_column" else "classes"
    several = f"may have its {what} in {found}" if found else f"has no column of {what}"
    wanted = f" {asked!r}" if asked is not None else ""
    raise ConfigError(
        f"data.root={data.root!r} {several}{wanted}, of its columns {list(features)}: "
        f"give --data.{setting}"
    )


def labels_of(split: Any, column: str, place: str) -> list[str] | None:
    """The class of every row, by name; None where no row has one.

    Raises:
        ConfigError: Some rows have none, or one that is neither a name nor a whole number.
    """
    kind, values = split.features[column], list(split.select_columns([column])[column])
    names = getattr(kind, "names", None)
    missing = [row for row, value in enumerate(values) if value is None or value in (-1, "")]
    if values and len(missing) == len(values):
        return None
    if missing:
        raise ConfigError(
            f"{place}[{missing[0]}] has no {column}, as {len(missing)} of {len(values)} rows: fill "
            "them in, or remove the rows"
        )
    for row, value in enumerate(values):
        if not isinstance(value, int | str) or isinstance(value, bool):
            raise ConfigError(
                f"{place}[{row}] has {column} {value!r}, which is neither a name nor a whole "
                "number: give --data.label_column"
            )
    return [str(value) if names is None else names[value] for value in values]
