"""Answers to image files as CSV and JSON, for other programs to read."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.basics.text import printable
from cotrain.ensemble.prediction import Prediction

# The columns that every row has.
_COLUMNS = ("path", "label", "probability", "disagreement", "mutual_information", "error")
# What a row has where it was fitted, or a cascade answered.
_FITTED = ("set", "abstain", "signal", "doubt", "asked")


def to_csv(rows: Sequence[Prediction]) -> str:
    """A CSV table: a header, then one line for every row.

    The second to K-th most probable class, where they were asked for, stand in ``label_2``,
    ``probability_2`` and so on; all probabilities in columns such as ``probability of cat``. What
    ``cotrain calibrate`` fitted follows, the labels of a ``set`` parted by ``; ``.
    Texts are safe to show and to open in a spreadsheet; see :func:`csv_cell`.
    """
    return csv_table([_record(row) for row in rows], _COLUMNS)


def _record(row: Prediction) -> dict[str, Any]:
    record: dict[str, Any] = {name: getattr(row, name) for name in _COLUMNS}
    for place, each in enumerate(row.top or (), start=1):
        if place > 1:
            record |= {f"label_{place}": each.label, f"probability_{place}": each.probability}
    record |= {
        f"probability of {label}": share for label, share in (row.probabilities or {}).items()
    }
    fitted = {name: getattr(row, name) for name in _FITTED if getattr(row, name) is not None}
    if row.set is not None:
        fitted["set"] = "; ".join(row.set)
    return record | fitted


def csv_table(records: Iterable[Mapping[str, Any]], columns: Iterable[str]) -> str:
    """A CSV table of records, which may have further columns than these."""
    records = list(records)
    names = list(dict.fromkeys([*columns, *(name for record in records for name in record)]))
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(map(csv_cell, names))
    writer.writerows([csv_cell(record.get(name)) for name in names] for record in records)
    return table.getvalue()


def csv_cell(value: Any) -> Any:
    """A text as it is safe in a CSV table; numbers as they are.

    What cannot be seen is written as an escape such as ``\\x1b``, and a text that a spreadsheet
    would take for a formula gets an apostrophe before it. JSON has the exact text.
    """
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def to_jsonl(rows: Iterable[Prediction]) -> str:
    """One JSON object a line for every row; what was not asked for, or fitted, is left out."""
    return "".join(json.dumps(_plain(row)) + "\n" for row in rows)


def to_json(rows: Iterable[Prediction]) -> str:
    """A JSON list with an object for every row; what was not asked for, or fitted, is left out."""
    return json.dumps([_plain(row) for row in rows], indent=2) + "\n"


def _plain(row: Prediction) -> dict[str, Any]:
    record = asdict(row)
    absent = {name for name in ("top", "probabilities", *_FITTED) if record[name] is None}
    return {name: value for name, value in record.items() if name not in absent}


WRITERS: dict[str, Callable[[Sequence[Prediction]], str]] = {
    "csv": to_csv,
    "json": to_json,
    "jsonl": to_jsonl,
}


def format_of(output: str | None, asked: str | None) -> str:
    """The format of answers: ``table`` or a key of ``WRITERS``.

    Args:
        output: The file to write; None to print.
        asked: What ``--format`` says, if it is given.

    Raises:
        ConfigError: Nothing says it, or two things say it differently.
    """
    if output is None:
        return asked or "table"
    ending = Path(output).suffix.lower().removeprefix(".")
    known = ending if ending in WRITERS else None
    endings = f"call it {', '.join(f'.{name}' for name in WRITERS)}"
    if asked == "table":
        raise ConfigError(f"--format table is printed: leave out --output {output}, or {endings}")
    if asked and known and asked != known:
        raise ConfigError(f"--output {output} is not called .{asked}: leave out --format {asked}")
    if not asked and not known:
        raise ConfigError(f"--output {output} does not say its format: {endings}")
    return asked or known or ""
