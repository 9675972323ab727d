"""The rows of a table, understood: an image's path, its class and perhaps its part."""

import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.config import Data
from cotrain.data.part_names import PARTS_BY_NAME
from cotrain.data.table_file import Table, read_table
from cotrain.data.user_labels import FRACTION

# What people call the columns, in any case.
_USUAL = {
    "path": (
        *("path", "file", "filename", "file_name", "filepath", "file_path"),
        *("image", "image_path", "img", "img_path"),
    ),
    "label": ("label", "class", "target", "class_name"),
    "split": ("split", "part", "subset", "partition"),
}


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """The rows of a table, understood.

    Args:
        root: The folder that paths start from.
        classes: The class of every image, by its path below ``root``, in the order of the rows.
        parts: The part of every image; None where the table has no column of parts.
        columns: The names of the columns of paths, classes and parts.
    """

    root: str
    classes: Mapping[str, str]
    parts: Mapping[str, str] | None
    columns: tuple[str, ...]


def root_of(data: Data) -> str:
    """The folder of the images: ``data.root``, or that of the table.

    Raises:
        ConfigError: There is no such folder.
    """
    given = data.root
    if given is None and data.table is not None:
        given = os.path.dirname(data.table) or "."
    if given is None or not os.path.isdir(given):
        raise ConfigError(f"data.root={given!r} is not a folder: give the folder of the images")
    return str(Path(given))


def read_labelled(data: Data) -> Labelled:
    """The images that ``data.table`` names; none of them need be there.

    Raises:
        ConfigError: The table cannot be read, a column is missing or could be either of two, or a
            row has no path, class or part, a path twice or outside ``data.root``, or a class that
            is no name.
    """
    if data.table is None:
        raise ConfigError("data.table is not set: give the CSV or Parquet file with --data.table")
    table, name, root = read_table(Path(data.table)), data.table, root_of(data)
    columns = _columns(table, data)
    if not table.rows:
        raise ConfigError(f"data.table={name!r} has no rows: give one an image")
    rows = _Rows(table=table, name=name)
    names = rows.paths(columns["path"], root)
    labels = rows.labels(columns["label"])
    parts = rows.parts(columns["split"]) if "split" in columns else None
    return Labelled(
        root=root,
        classes=dict(zip(names, labels, strict=True)),
        parts=None if parts is None else dict(zip(names, parts, strict=True)),
        columns=tuple(columns.values()),
    )


def table_of(data: Data) -> Labelled | None:
    """The images that ``data.table`` names; None where there is none, or none any more."""
    return read_labelled(data) if data.table and os.path.exists(data.table) else None


def table_settings(data: Data) -> dict[str, Any]:
    """The settings of a table, and of the columns that hold images, classes and parts."""
    columns = {f"{kind}_column": getattr(data, f"{kind}_column") for kind in _USUAL}
    if data.table is None:
        return {name: column for name, column in columns.items() if column is not None}
    return {"table": os.path.abspath(data.table), **columns}


def _columns(table: Table, data: Data) -> dict[str, str]:
    """The columns of paths, of classes and, where there is one, of parts."""
    columns = {}
    for kind, usual in _USUAL.items():
        setting, asked = f"{kind}_column", getattr(data, f"{kind}_column")
        if kind == "split" and asked == "none":
            continue
        if asked is None:
            found = [name for name in table.columns if name.lower() in usual]
        else:
            found = [name for name in table.columns if name == asked]
        if len(found) > 1:
            raise ConfigError(
                f"data.table={data.table!r} has the columns {found}, each of which may be the "
                f"{kind}: give --data.{setting}"
            )
        if found:
            columns[kind] = found[0]
        elif asked is not None or kind != "split":
            wanted = f"{asked!r}" if asked else f"called {' or '.join(usual)}"
            others = f" (no text or numbers in {list(table.others)})" if table.others else ""
            raise ConfigError(
                f"data.table={data.table!r} has no column {wanted}, but {list(table.columns)}"
                f"{others}: give --data.{setting}"
            )
    return columns


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """The cells of single columns, checked."""

    table: Table
    name: str

    def _cells(self, column: str) -> list[str]:
        index = self.table.columns.index(column)
        cells = []
        for row, place in zip(self.table.rows, self.table.places, strict=True):
            cell = row[index]
            if cell is None or cell.lower() == "nan":
                raise self._wrong(place, f"has no {column}: fill it in, or remove the row")
            if cell != cell.strip() or "\0" in cell:
                raise self._wrong(place, f"has {column} {cell!r}, with spaces around it: mend it")
            cells.append(cell)
        return cells

    def paths(self, column: str, root: str) -> list[str]:
        """Paths below the root, each once."""
        known: dict[str, str] = {}
        for cell, place in zip(self._cells(column), self.table.places, strict=True):
            name = os.path.normpath(os.path.relpath(cell, root) if os.path.isabs(cell) else cell)
            if name.split(os.sep)[0] in ("..", ".") or os.path.isabs(name):
                raise self._wrong(
                    place, f"names {cell!r}, which is not below {root}: give another --data.root"
                )
            if name in known:
                raise self._wrong(place, f"names {cell!r} again, after {known[name]}: remove one")
            known[name] = place
        return list(known)

    def labels(self, column: str) -> list[str]:
        """Names of classes, in Unicode's composed form as those of folders."""
        cells = self._cells(column)
        for cell, place in zip(cells, self.table.places, strict=True):
            if FRACTION.fullmatch(cell):
                raise self._wrong(
                    place, f"has {column} {cell}, a number that is not written whole: mend it"
                )
        return [unicodedata.normalize("NFC", cell) for cell in cells]

    def parts(self, column: str) -> list[str]:
        """One of train, val and test."""
        parts = []
        for cell, place in zip(self._cells(column), self.table.places, strict=True):
            if cell.lower() not in PARTS_BY_NAME:
                raise self._wrong(
                    place,
                    f"has {column} {cell!r}, which is none of train, val and test: mend it, "
                    "or heed no parts with --data.split_column none",
                )
            parts.append(PARTS_BY_NAME[cell.lower()])
        return parts

    def _wrong(self, place: str, problem: str) -> ConfigError:
        return ConfigError(f"data.table={self.name!r}: {place} {problem}")
