"""Whether the folders in a data set's root are its parts (train, val, test) or its classes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cotrain.basics.errors import ConfigError
from cotrain.config.data import FolderLayout

# The names that people give to the parts, in any case.
PARTS_BY_NAME = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
# Words of which other names of parts are made, such as TrainImages, test_set or val2017.
_WORDS = {*PARTS_BY_NAME, "trainset", "valset", "testset", "dev", "eval", "evaluation", "holdout"}


@dataclass(frozen=True, kw_only=True)
class Contents:
    """Where the images in a folder of the root lie.

    Args:
        images: Some lie in the folder itself.
        folders: Some lie in folders below it.
    """

    images: bool = False
    folders: bool = False


def find_parts(found: Mapping[str, Contents], layout: FolderLayout, root: str) -> dict[str, str]:
    """The name of each part's folder, in the order train, val, test; none where all are classes.

    A class holds images, a part holds classes: that tells a class called ``train`` from a part.
    Where both stand side by side, or a name beside parts is not understood, the user has to say.

    Args:
        found: The folders in the root, by name.
        layout: ``data.layout``.
        root: The data set's folder.

    Raises:
        ConfigError: A name that is not understood, a part under two names, or one without classes.
    """
    if layout == "classes" or (layout == "auto" and _are_classes(found)):
        return {}
    parts: dict[str, str] = {}
    for name, contents in found.items():
        part = PARTS_BY_NAME.get(name.lower())
        if part in parts:
            raise ConfigError(
                f"data.root={root!r} has {parts[part]}/ and {name}/, which both mean {part}: "
                "put their images into one"
            )
        if part is not None:
            parts[part] = name
        elif contents.images or contents.folders:
            raise _not_understood(name, found, root)
    for name in parts.values():
        if found[name].images and not found[name].folders:
            raise ConfigError(
                f"data.root={root!r}: {name}/ holds images but no folders of classes: make one "
                "for each class, or give --data.layout classes if it is a class itself"
            )
    return {part: parts[part] for part in ("train", "val", "test") if part in parts}


def _are_classes(found: Mapping[str, Contents]) -> bool:
    """Whether no folder has to be a part: none is called so, or those that are hold no classes."""
    alike = {name for name in found if _is_like_a_part(name)}
    others = any(found[name].images or found[name].folders for name in found.keys() - alike)
    return not alike or (others and not any(found[name].folders for name in alike))


def _is_like_a_part(name: str) -> bool:
    words = re.findall(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+", name)
    return bool(_WORDS & {word.lower() for word in words})


def _not_understood(name: str, found: Mapping[str, Contents], root: str) -> ConfigError:
    beside = " and ".join(f"{each}/" for each in found if each != name and _is_like_a_part(each))
    return ConfigError(
        f"data.root={root!r}: {name}/{' beside ' if beside else ''}{beside} is not understood as a "
        "part of the data: call parts train, val and test and move the rest away, or give "
        "--data.layout classes if all folders are classes"
    )
