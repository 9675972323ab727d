"""What all tables for the terminal share: how they look, and how they fit any width.

A table is shown as one where every name and number fits whole; on a narrower terminal its rows
stand below each other, a value a line. Texts of others cannot steer the terminal: control
characters are shown as escapes, and nothing is read as markup.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cotrain.basics.text import printable, printable_lines

Cell = str | Sequence[str]
"""One line, or several."""

_PIPE = 100  # columns where nothing limits them


@dataclass(frozen=True, kw_only=True)
class _Row:
    """Cells as their lines; a note stands after them and may be broken into lines."""

    cells: Sequence[Sequence[str]]
    note: str
    style: str


@dataclass(kw_only=True)
class ResultTable:
    """A table that fits; ``new_table`` makes it.

    Args:
        columns: Lines of every column's head.
        texts: Which columns hold names: they begin at the left.
        title: Stands above; nothing if empty.
        caption: Stands below; nothing if empty.
    """

    columns: Sequence[Sequence[str]]
    texts: Sequence[int]
    title: str
    caption: str
    rows: list[_Row | None] = field(default_factory=list)

    def add_row(self, *cells: Cell, note: str = "", style: str = "") -> None:
        """Add a row, which may have fewer cells than there are columns."""
        lines = [_lines(each) for each in cells]
        self.rows.append(_Row(cells=lines, note=printable(note), style=style))

    def add_section(self) -> None:
        """Part the rows before from those that follow."""
        self.rows.append(None)

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        if self.title:
            yield Text(self.title, style="italic")
        widths = self._widths()
        left = options.max_width - sum(widths) - 2 * len(widths) + 1
        if left >= 0:
            yield self._as_table(widths, left)
        else:
            yield from self._as_blocks(options.max_width)
        if self.caption:
            yield Text(self.caption)

    def _widths(self) -> list[int]:
        """What every column needs."""
        shown = [self.columns, *(row.cells for row in self.rows if row is not None)]
        columns = zip_longest(*shown, fillvalue=())
        return [max(cell_len(line) for cell in cells for line in cell) for cells in columns]

    def _as_table(self, widths: Sequence[int], left: int) -> Table:
        table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
        notes = {len(row.cells): cell_len(row.note) for row in self.rows if row and row.note}
        for place, (head, width) in enumerate(zip(self.columns, widths, strict=True)):
            more = min(left, max(0, notes.get(place, 0) - width))
            left -= more
            justify = "left" if place in self.texts else "right"
            table.add_column("\n".join(head), justify=justify, width=width + more, overflow="fold")
        for row in self.rows:
            if row is None:
                table.add_section()
            else:
                cells = [*map("\n".join, row.cells), *([row.note] if row.note else [])]
                table.add_row(*map(Text, cells), style=row.style)
        return table

    def _as_blocks(self, width: int) -> Iterator[RenderableType]:
        heads = [" ".join(head) for head in self.columns]
        for row in self.rows:
            if row is None:
                continue
            name, *values = row.cells
            yield Text(" ".join(name) or "-", style=row.style or "bold", overflow="fold")
            named = [each for each in zip(heads[1:], values, strict=False) if any(each[1])]
            for line in [*_values(named, width), *([row.note] if row.note else [])]:
                yield Padding(Text(line, overflow="fold"), (0, 0, 0, 2), expand=False)


def _values(named: Sequence[tuple[str, Sequence[str]]], width: int) -> Iterator[str]:
    """Names beside their values, one below the other; below their names where that is too wide."""
    beside = max((cell_len(name) for name, _ in named), default=0) + 2
    for name, lines in named:
        indent = beside if beside + max(map(cell_len, lines)) <= width - 2 else 2
        if indent < beside:
            yield name
            name = ""
        for line in lines:
            yield f"{name:{indent}}{line}"
            name = ""


def _lines(cell: Cell) -> list[str]:
    return [printable(line) for line in ([cell] if isinstance(cell, str) else cell)] or [""]


def new_table(
    *columns: str, texts: Sequence[str] = (), title: str = "", caption: str = ""
) -> ResultTable:
    """An empty table; its first column is a name, the others are numbers.

    Args:
        columns: Their heads, of one or more lines.
        texts: Heads of further columns that hold names.
        title: Stands above.
        caption: Stands below, of one or more lines.
    """
    return ResultTable(
        columns=[column.split("\n") for column in columns],
        texts=[0, *(columns.index(name) for name in texts)],
        title=printable(title),
        caption=printable_lines(caption),
    )


def display(*results: ResultTable | str) -> None:
    """Print tables, and lines of text, as wide as the terminal is."""
    limited = sys.stdout.isatty() or "COLUMNS" in os.environ
    console = Console(width=None if limited else _PIPE, highlight=False)
    for place, result in enumerate(results):
        if place and isinstance(result, ResultTable):
            console.print()
        console.print(Text(printable_lines(result)) if isinstance(result, str) else result)


def short_number(number: float) -> str:
    """A number with three digits and its prefix: 11.3 M."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= factor:
            return f"{number / factor:#.3g}".rstrip(".") + f" {prefix}"
    return f"{number:.3g}"
