"""What all tables for the terminal share."""

from rich.box import SIMPLE_HEAD
from rich.table import Table


def new_table(*columns: str, caption: str | None = None) -> Table:
    """An empty table in the style of all; the first column is a name, the others are numbers."""
    table = Table(caption=caption, caption_justify="left", caption_style="", box=SIMPLE_HEAD)
    table.show_edge, table.padding = False, (0, 1, 0, 0)
    for index, column in enumerate(columns):
        justify = "right" if index else "left"
        table.add_column(column, justify=justify, vertical="top", overflow="fold")
    return table


def short_number(number: float) -> str:
    """A number with three digits and its prefix: 11.3 M."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= factor:
            return f"{number / factor:#.3g}".rstrip(".") + f" {prefix}"
    return f"{number:.3g}"
