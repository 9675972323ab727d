"""Tables as a terminal of some width shows them."""

import io
from collections.abc import Iterable

from rich.console import Console

from cotrain.report.style import ResultTable

WIDTHS = (40, 80, 200)


def printed(tables: ResultTable | Iterable[ResultTable], width: int = 80) -> str:
    """What is printed on a terminal without colours."""
    text = io.StringIO()
    console = Console(file=text, width=width, color_system=None)
    for table in [tables] if isinstance(tables, ResultTable) else tables:
        console.print(table)
    return text.getvalue()


def check_fits(table: ResultTable) -> None:
    """No line is longer than the terminal is wide, and no name or number is cut or broken.

    But for a name that is longer than a line, which goes on in the next.
    """
    for width in WIDTHS:
        text = printed(table, width)
        assert max(map(len, text.splitlines())) <= width
        for row in table.rows:
            for cell in row.cells if row else ():
                for line in cell:
                    whole = text.replace("\n", "") if len(line) > width else text
                    assert line in whole, (width, line)
