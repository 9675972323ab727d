"""Images that a table names, as files."""

import os
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.watching import Watch
from cotrain.config import Data
from cotrain.data.labelled import Labelled, read_labelled
from cotrain.data.sources import Source


def table_source(data: Data, classes: Sequence[str] | None = None) -> Source:
    """The images that ``data.table`` names, as files; nothing is decoded.

    Args:
        data: The table, its columns, and the folder that paths start from.
        classes: The classes that are known, of which the table may lack some; if None they are
            those that are trained on.

    Raises:
        ConfigError: As ``read_labelled``; or a file is missing, fewer than two classes, or one
            that is not known.
    """
    found = read_labelled(data)
    missing = _missing(found)
    if missing and data.unreadable == "error":
        raise ConfigError(
            f"{len(missing)} of the {len(found.classes)} images that data.table={data.table!r} "
            f"names are not in {found.root} ({missing[0]}): give the folder that paths start from "
            "with --data.root, or leave them out with --data.unreadable skip"
        )
    names = list(found.classes.keys() - set(missing)) if missing else list(found.classes)
    names.sort(key=os.path.split)
    known = tuple(classes) if classes is not None else _trained(found, names, str(data.table))
    numbers = {name: number for number, name in enumerate(known)}
    if others := sorted({found.classes[name] for name in names} - set(known)):
        raise ConfigError(
            f"data.table={data.table!r} has the classes {others}, but the classes that are trained "
            f"are {list(known)}: rename them or remove their rows"
        )
    parts = _parts(found, names)
    lost = [part for part, chosen in parts.items() if not len(chosen)]
    if lost and classes is None:
        raise ConfigError(
            f"data.unreadable=skip leaves no image of the {lost[0]} part that data.table="
            f"{data.table!r} names, as all its files are missing: give them, or heed no parts with "
            "--data.split_column none"
        )
    return Source(
        images=[os.path.join(found.root, name) for name in names],
        targets=torch.tensor([numbers[found.classes[name]] for name in names], dtype=torch.int64),
        classes=known,
        parts=parts,
        in_channels=3,
        root=found.root,
        titles={
            part: "the table" if part == "all" else f"the table's {part} images" for part in parts
        },
        left_out={"rows whose file is missing": len(missing)} if missing else {},
        notes=(f"{data.table}: {_read_as(found.columns)}",),
    )


def _parts(found: Labelled, names: Sequence[str]) -> dict[str, Tensor]:
    """The images of each part that the table names; all are to be split where that is train."""
    named = set((found.parts or {}).values())
    if found.parts is None or named == {"train"}:
        return {"all": torch.arange(len(names))}
    numbers: dict[str, list[int]] = {part: [] for part in ("train", "val", "test") if part in named}
    for number, name in enumerate(names):
        numbers[found.parts[name]].append(number)
    return {part: torch.tensor(chosen).long() for part, chosen in numbers.items()}


def _missing(found: Labelled) -> list[str]:
    watch, missing = Watch("finding images"), []
    for number, name in enumerate(found.classes):
        watch.show(f"{number:,} of {len(found.classes):,}")
        if not os.path.isfile(os.path.join(found.root, name)):
            missing.append(name)
    return missing


def _trained(found: Labelled, names: Iterable[str], table: str) -> tuple[str, ...]:
    """The classes that are trained on, in the order of their names, or of their numbers."""
    part_of = found.parts or {}
    trains = {found.classes[name] for name in names if part_of.get(name, "train") == "train"}
    if len(trains) < 2:
        raise ConfigError(
            f"data.table={table!r} has {len(trains)} classes {sorted(trains)} to train on: "
            "give at least two"
        )
    numbered = all(name.isdecimal() and str(int(name)) == name for name in trains)
    return tuple(sorted(trains, key=int if numbered else str))


def _read_as(columns: Sequence[str]) -> str:
    path, label, *split = columns
    return f"files by its {path!r}, classes by {label!r}, " + (
        f"parts by {split[0]!r}" if split else "no column of parts"
    )
