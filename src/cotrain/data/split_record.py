"""Which images a run trained on, selected with, kept and tested on: its ``split.jsonl``.

The first line says how the images were split, each further one names an image: part, path, class,
bytes, digest of the content.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from cotrain.basics.errors import ConfigError
from cotrain.basics.files import atomic_write, digest
from cotrain.basics.reading import parse_json
from cotrain.basics.records import record_from
from cotrain.config import Data
from cotrain.data.sources import PARTS

_FORMAT = 1
_OTHERS = "others"
_DRAWING = (
    *("layout", "train_images", "test_images"),
    *("validation", "calibration", "test", "split_seed"),
)

_Row = tuple[str, int, int | None, str | None]  # name, class, size, content


@dataclass(frozen=True, kw_only=True)
class PartRecord:
    """The images of one part, in the order in which they are numbered.

    Args:
        names: Paths relative to the data set's folder, or the numbers of images in memory.
        targets: Their classes.
        sizes: Bytes of each file; None for images in memory.
        contents: A digest of what each holds; None where the files were not read.
    """

    names: tuple[str, ...]
    targets: tuple[int, ...]
    sizes: tuple[int, ...] | None
    contents: tuple[str, ...] | None

    def rows(self) -> Iterator[_Row]:
        """Name, class, size and content of each image."""
        nothing = (None,) * len(self.names)
        sizes, contents = self.sizes or nothing, self.contents or nothing
        return zip(self.names, self.targets, sizes, contents, strict=True)

    def not_as_in(self, known: Mapping[str, str], classes: Sequence[str]) -> list[str]:
        """Names of the images to which ``known`` gives no class, or another than ``classes``."""
        rows = zip(self.names, self.targets, strict=True)
        return [name for name, target in rows if known.get(name) != classes[target]]

    def names_in(self, others: Iterable["PartRecord"]) -> tuple[str, ...] | None:
        """Names of others' images that hold what one of these does; None if it is not known."""
        if self.contents is None:
            return None
        known = set(self.contents)
        rows = chain.from_iterable(other.rows() for other in others)
        return tuple(name for name, *_, content in rows if content in known)


@dataclass(frozen=True, kw_only=True)
class SplitOrigin:
    """What was split, and how.

    Args:
        dataset: Name of the data set.
        root: Its folder when it was split; None for ``digits``.
        settings: The settings that it was split by.
        classes: Names of the classes.
        tested_on: ``val`` if the test images are those that selected.
        table: The settings of the table that named its files, and of columns; empty where none
            did.
        views: As of the ``Source``; None also where an earlier version wrote it.
    """

    dataset: str
    root: str | None
    settings: Mapping[str, Any]
    classes: tuple[str, ...]
    tested_on: Literal["test", "val"]
    table: Mapping[str, Any] = field(default_factory=dict[str, Any])
    views: str | None = None

    @property
    def data(self) -> Data:
        """The settings that name these images."""
        known = {"dataset": self.dataset, "root": self.root, **self.table, **self.settings}
        return record_from(Data, known, "data")


@dataclass(frozen=True, kw_only=True)
class SplitRecord:
    """The images of every part.

    Args:
        origin: What was split, and how.
        parts: The images of each of ``PARTS``, as far as there are such parts.
        others: Files that were there, and are in no part: not drawn, or skipped.
    """

    origin: SplitOrigin
    parts: Mapping[str, PartRecord]
    others: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """Equal for equal images, classes and parts, wherever they lie."""
        rows = {name: list(part.rows()) for name, part in self.parts.items()}
        return digest(json.dumps([self.origin.classes, rows], sort_keys=True).encode())

    @property
    def tested(self) -> PartRecord:
        """The images that are tested on."""
        return self.parts[self.origin.tested_on]

    def leaks(self) -> Iterator[str]:
        """In words, how many images of other parts are trained on as well, by their content."""
        if "train" not in self.parts:
            return
        for name, part in self.parts.items():
            found = () if name == "train" else self.parts["train"].names_in([part])
            if found:
                yield (
                    f"{len(found):,} of the {name} images are among the training images, too: what "
                    "is answered there says little about others"
                )

    def with_views(self, views: str | None) -> "SplitRecord":
        """The same images, for a run that draws these views of them."""
        if views == self.origin.views:
            return self
        return replace(self, origin=replace(self.origin, views=views))

    @property
    def is_on_validation(self) -> bool:
        """Whether ``on_validation`` made it: its test images are held out of the training's."""
        asked = self.origin.settings.get("validation", "none")
        return "val" not in self.parts and asked not in ("none", 0)

    def on_validation(self) -> "SplitRecord":
        """The same with the validation images in the place of the test's, which are left alone.

        Raises:
            ConfigError: There are no validation images.
        """
        if "val" not in self.parts:
            raise ConfigError("no images are held out: give data.validation a share such as 0.2")
        parts = {"train": self.parts["train"], "test": self.parts["val"]}
        used = {name for part in parts.values() for name in part.names}
        known = [name for part in self.parts.values() for name in part.names]
        return SplitRecord(
            origin=replace(self.origin, tested_on="test"),
            parts=parts,
            others=(*self.others, *(name for name in dict.fromkeys(known) if name not in used)),
        )

    def write(self, path: Path) -> None:
        """Write what ``read_record`` reads."""
        lines = [json.dumps({"format": _FORMAT, "digest": self.digest, **asdict(self.origin)})]
        for name, part in self.parts.items():
            lines += [json.dumps([name, *row]) for row in part.rows()]
        lines += [json.dumps([_OTHERS, name, 0, None, None]) for name in self.others]
        atomic_write(path, ("\n".join(lines) + "\n").encode())


def splitting(data: Data) -> dict[str, Any]:
    """The settings that decide which image is in which part."""
    return {name: getattr(data, name) for name in _DRAWING}


def read_record(path: Path) -> SplitRecord | None:
    """The record that a run wrote; None where there is none, as of runs of earlier versions.

    Raises:
        ConfigError: It is damaged, edited or of another version.
    """
    if not path.is_file():
        return None
    try:
        with open(path, encoding="utf-8") as file:
            heading = parse_json(file.readline(), str(path))
            stored, form = heading.pop("digest"), heading.pop("format")
            record = _record(record_from(SplitOrigin, heading), file)
        if (form, stored) == (_FORMAT, record.digest):
            return record
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass  # what it is that is damaged helps nobody
    raise ConfigError(
        f"{path} is damaged, edited or of another version: restore it, or train again with a "
        "new --output"
    )


def _record(origin: SplitOrigin, lines: Iterable[str]) -> SplitRecord:
    rows: dict[str, list[_Row]] = defaultdict(list)
    for line in lines:
        part, *row = json.loads(line)
        rows[part].append(_checked(row))
    others = tuple(name for name, *_ in rows.pop(_OTHERS, ()))
    # What a setting of later versions was, before there was one.
    settings = {**splitting(Data()), **origin.settings}
    return SplitRecord(
        origin=replace(origin, settings=settings),
        parts={name: _part(rows[name]) for name in PARTS if name in rows},
        others=others,
    )


def _checked(row: list[Any]) -> _Row:
    """A row of the right types, whose name leads into the data set's folder.

    Raises:
        ValueError, TypeError: It is not.
    """
    name, target, size, content = row
    kinds = (str,), (int,), (int, type(None)), (str, type(None))
    if not all(isinstance(value, kind) for value, kind in zip(row, kinds, strict=True)):
        raise TypeError(row)
    if not name or name.startswith("/") or ".." in name.split("/"):
        raise ValueError(name)
    return name, target, size, content


def _part(rows: list[_Row]) -> PartRecord:
    names, targets, sizes, contents = zip(*rows, strict=True)
    return PartRecord(
        names=names,
        targets=targets,
        sizes=None if None in sizes else sizes,
        contents=None if None in contents else contents,
    )
