"""Image folders: one subfolder a class, in ``train/``, ``val/`` and ``test/`` or in one folder."""

import os
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from cotrain.basics.errors import ConfigError
from cotrain.config.data import FolderLayout
from cotrain.data.part_names import Contents, find_parts
from cotrain.data.sources import Source
from cotrain.data.walking import Walk, counted, walk

_Files = dict[str, list[str]]  # the files of every class


def folder_source(
    root: str | None, layout: FolderLayout = "auto", classes: Sequence[str] | None = None
) -> Source:
    """The images below ``root``, as files; nothing is decoded.

    The names of classes are those of their folders in Unicode's composed form (NFC): a name that
    was copied by way of another system is the same name.

    Args:
        root: Has folders called ``train`` (or training), ``val`` (valid, validation) and ``test``
            (testing) in any case, each with one subfolder a class; or the class folders itself.
        layout: Which of both, where names do not tell.
        classes: The classes that are known, of which the folder may lack some; if None they are
            those that are trained on, of which only ``val`` and ``test`` may lack some.

    Raises:
        ConfigError: No such folder, a folder that is not understood or cannot be read, fewer than
            two classes, a class without images, or one that is not known.
    """
    top = _existing(root)
    found = walk(top)
    folders = find_parts(_contents(found, top), layout, top)
    parts = _parts(found, top, folders)
    if set(folders) == {"train"}:
        parts, folders = {"all": parts["train"]}, {"all": folders["train"]}
    known = tuple(classes) if classes is not None else _trained_classes(parts, folders, found, top)
    _refuse_others(parts, folders, known, top)
    images: list[str] = []
    targets: list[int] = []
    places = {}
    for part, files in parts.items():
        start = len(images)
        for target, name in enumerate(known):
            images += files.get(name, ())
            targets += [target] * len(files.get(name, ()))
        places[part] = torch.arange(start, len(images))
    return Source(
        images=images,
        targets=torch.tensor(targets, dtype=torch.int64),
        classes=known,
        parts=places,
        in_channels=3,
        root=top,
        titles={part: f"{name}/" for part, name in folders.items()},
        left_out=found.left_out,
    )


def _existing(root: str | None) -> str:
    if root is None:
        raise ConfigError("data.root is not set: give the folder of the images with --data.root")
    if not os.path.isdir(root):
        raise ConfigError(f"data.root={root!r} is not a folder: give the folder of the images")
    return str(Path(root))


def _way(path: str, top: str) -> list[str]:
    """The names of the folders below ``top`` that lead to a file or folder, and its own."""
    return path[len(top) :].strip(os.sep).split(os.sep)


def _contents(found: Walk, top: str) -> dict[str, Contents]:
    """What the folders in ``top`` hold, by their names in order."""
    ways = [_way(path, top) for path in found.files]
    images = {way[0] for way in ways if len(way) == 2}
    folders = {way[0] for way in ways if len(way) > 2}
    names = sorted(way[0] for path in found.folders if len(way := _way(path, top)) == 1 and way[0])
    return {name: Contents(images=name in images, folders=name in folders) for name in names}


def _parts(found: Walk, top: str, folders: Mapping[str, str]) -> dict[str, _Files]:
    """The files of every class of every part; images that lie in no class folder are left out."""
    named = {name: part for part, name in folders.items()}
    depth = 2 if named else 1
    parts: dict[str, _Files] = {part: {} for part in folders or ("all",)}
    for path in found.folders:
        way = _way(path, top)
        if len(way) == depth and way[0] and (not named or way[0] in named):
            parts[named.get(way[0], "all")].setdefault(_class_name(way[-1]), [])
    for path in found.files:
        way = _way(path, top)
        if len(way) > depth:
            parts[named.get(way[0], "all")][_class_name(way[depth - 1])].append(path)
        else:
            found.left_out["in no class folder"] += 1
    return parts


def _class_name(folder: str) -> str:
    return unicodedata.normalize("NFC", folder)


def _trained_classes(
    parts: Mapping[str, _Files], folders: Mapping[str, str], found: Walk, top: str
) -> tuple[str, ...]:
    """The classes of the part that is trained on, each with images."""
    part = "train" if "train" in parts else "all"
    if part not in parts:
        given = " and ".join(f"{name}/" for name in folders.values())
        raise ConfigError(f"data.root={top!r} has {given} but no train/: add train/")
    names, place = sorted(parts[part]), os.path.join(top, folders.get(part, ""))
    if len(names) < 2:
        raise ConfigError(
            f"{place} has {len(names)} class folders {names}: give at least two, one a class"
        )
    empty = [os.path.join(place, name) for name in names if not parts[part][name]]
    empty += [os.path.join(top, folders[each]) for each in folders if not any(parts[each].values())]
    if empty:
        raise ConfigError(
            f"{empty[0]} has no image file{_passed_over(found)}: add some or remove it"
        )
    return tuple(names)


def _refuse_others(
    parts: Mapping[str, _Files], folders: Mapping[str, str], known: Sequence[str], top: str
) -> None:
    for part, files in parts.items():
        if others := sorted(name for name in files.keys() - set(known) if files[name]):
            raise ConfigError(
                f"{os.path.join(top, folders.get(part, ''))} has the class folders {others}, but "
                f"the classes that are trained are {list(known)}: rename or remove them"
            )


def _passed_over(found: Walk) -> str:
    return f" (passed over: {counted(found.left_out)})" if found.left_out else ""


def image_files(folder: str | Path) -> Walk:
    """Every image below a folder, whatever its folders are called, and what was passed over.

    Raises:
        ConfigError: There is none, or a folder cannot be read.
    """
    found = walk(folder)
    if not found.files:
        raise ConfigError(f"{folder} has no image file{_passed_over(found)}: give another folder")
    return found
