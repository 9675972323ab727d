"""The recipes and the paper's tables for the terminal."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from cotrain.basics.text import printable
from cotrain.comparison.paper.listing import ListedRecipe
from cotrain.comparison.paper.reproduction import (
    FinishedRun,
    PaperRow,
    Reproduction,
    other_settings,
)
from cotrain.config.datasets import DATASETS
from cotrain.report.style import Cell, ResultTable, new_table


def recipes_table(recipes: Sequence[ListedRecipe]) -> ResultTable:
    """One row a recipe; below the table stands how to run one."""
    caption = (
        "Run one: cotrain train --config NAME --output FOLDER\n"
        "Edit one: cotrain recipes NAME > own.yaml, then --config own.yaml\n"
        "Published: top-1 error of the ensemble in arXiv:2011.14660."
    )
    columns = ("name", "network", "S", "data set", "epochs", "published\nerror %")
    table = new_table(*columns, texts=("network", "data set"), caption=caption)
    for each in recipes:
        published = "" if each.published_error is None else f"{each.published_error:.2f}"
        numbers = str(each.into), each.dataset, str(each.epochs), published
        table.add_row(each.name, each.network, *numbers)
    return table


def paper_tables(reproduction: Reproduction) -> Iterator[ResultTable]:
    """One table for each of the paper's, then one of the runs that are in none."""
    runs = any(row.runs for row in reproduction.rows)
    for name, rows in groupby(reproduction.rows, key=lambda row: row.published.table):
        yield _paper_table(f"Table {name}", list(rows), with_runs=runs)
    if reproduction.others:
        yield _other_runs(reproduction.others)


def _paper_table(name: str, rows: Sequence[PaperRow], with_runs: bool) -> ResultTable:
    columns = ["network", "S", "epochs", "params", "MACs", "published\nerror %"]
    table = new_table(
        *columns,
        *(["reproduced\nerror %"] if with_runs else []),
        title=f"{name}: {DATASETS[rows[0].published.dataset].title}",
        caption="\n".join(printable(line) for row in rows for line in _notes(row)),
    )
    for _, group in groupby(rows, key=lambda row: (row.published.network, row.published.epochs)):
        for row in group:
            table.add_row(*_cells(row), *([_errors(row)] if with_runs else []))
        table.add_section()
    return table


def _cells(row: PaperRow) -> list[str]:
    published = row.published
    numbers = (f"{row.params:,}", f"{row.macs:,}", f"{published.error:.2f}")
    return [published.network, str(published.into), str(published.epochs), *numbers]


def _errors(row: PaperRow) -> Cell:
    """The error of every run; a star marks those that have a note."""
    stars = ("*" if other_settings(run, row) else " " for run in row.runs)
    return [f"{run.error:.2f}{star}" for run, star in zip(row.runs, stars, strict=True)]


def _notes(row: PaperRow) -> Iterator[str]:
    """What a run did otherwise than the recipe that it is compared with."""
    for run in row.runs:
        others = other_settings(run, row)
        if others:
            settings = ", ".join(f"{name}={value}" for name, value in others.items())
            yield f"* {run.folder} is not as {row.published.recipe}: {settings}"


def _other_runs(runs: Sequence[FinishedRun]) -> ResultTable:
    table = new_table(
        *("run", "network", "S", "data set", "epochs", "images", "error %"),
        texts=("network", "data set"),
        title="Runs in none of these rows",
    )
    for run in runs:
        mine = run.experiment
        texts = (run.folder, mine.network, str(mine.into), mine.data.dataset, str(mine.epochs))
        table.add_row(*texts, f"{run.images:,}", f"{run.error:.2f}")
    return table
