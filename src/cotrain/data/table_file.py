"""A table on disk, CSV or Parquet, as columns of text: no row is passed over."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cotrain.basics.errors import ConfigError

_DELIMITERS = ",;\t"
_BYTES = 2**31  # of a CSV file: ten million rows and more


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of a table.

    Args:
        columns: Names of the columns.
        others: Names of columns that hold neither text nor numbers, and are left out.
        rows: The cells of every row, as text; None where a cell is empty.
        places: Where each row stands, such as ``line 7``.
    """

    columns: tuple[str, ...]
    rows: list[tuple[str | None, ...]]
    places: Sequence[str]
    others: tuple[str, ...] = ()


def read_table(path: Path) -> Table:
    """Read a table whose first line, or schema, names its columns.

    CSV is text in UTF-8; the delimiter is the one of comma, semicolon and tab that the first line
    has most of. Numbers that are whole are written without a point.

    Raises:
        ConfigError: No such file, neither of both, columns of one name, or a row that has not one
            cell a column.
    """
    try:
        with open(path, "rb") as file:
            is_parquet = file.read(4) == b"PAR1"
        table = _parquet(path) if is_parquet else _csv(path)
        for name in table.columns:
            if name and table.columns.count(name) > 1:
                raise ValueError(f"several of its columns are called {name!r}: rename them")
        return table
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ConfigError(f"data.table={str(path)!r} cannot be read: {reason}") from None


def _csv(path: Path) -> Table:
    """The rows of text; blank lines are no rows."""
    if path.stat().st_size > _BYTES:
        raise ValueError("it has more than 2 GiB: save it as Parquet")
    with open(path, encoding="utf-8-sig", newline="") as file:
        try:
            heading = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter=max(_DELIMITERS, key=heading.count), strict=True)
            columns = tuple(name.strip() for name in next(reader, ()))
            found = [(reader.line_num, row) for row in reader if row]
        except UnicodeDecodeError:
            raise ValueError("it is no text in UTF-8: save it so, or as Parquet") from None
        except csv.Error as error:
            raise ValueError(f"{error}: save it as CSV, or as Parquet") from None
    for line, row in found:
        if len(row) != len(columns):
            raise ValueError(f"line {line} has {len(row)} cells, the first line {len(columns)}")
    return Table(
        columns=columns,
        rows=[tuple(cell or None for cell in row) for _, row in found],
        places=[f"line {line}" for line, _ in found],
    )


def _parquet(path: Path) -> Table:
    try:
        from pyarrow import ArrowException, parquet, types
    except ImportError:
        raise ValueError("Parquet needs pyarrow: pip install 'cotrain[tables]'") from None
    try:
        found = parquet.read_table(path)
    except ArrowException as error:
        raise ValueError(str(error).splitlines()[0]) from None
    others = [
        field.name
        for field in found.schema
        if types.is_nested(field.type) or "binary" in str(field.type)
    ]
    found = found.drop_columns(others)
    columns = [[_text(value) for value in column.to_pylist()] for column in found.columns]
    rows = list(zip(*columns, strict=True))
    return Table(
        columns=tuple(found.column_names),
        rows=rows,
        places=[f"row {number}" for number in range(1, len(rows) + 1)],
        others=tuple(others),
    )


def _text(value: Any) -> str | None:
    """A cell as CSV has it; an empty one is None, as are what pandas writes for one."""
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    return str(value)
