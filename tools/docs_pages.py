"""What ``mkdocs.yml`` cannot say: pages that are made of other files, and what no page may load.

README.md is the first page and its sisters in the root follow it; every room of ``src/cotrain`` has
a page of reference, made of its docstrings; the paper's tables are made of the package's own facts.
"""

import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from cotrain.comparison.paper.reproduction import PaperRow, reproduce
from cotrain.config.datasets import DATASETS
from cotrain.config.published import PUBLISHED

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src/cotrain"
LINK = re.compile(r"\]\((?:\.\./)?([A-Z]+\.md)")  # to a file of the root
# What a browser loads by itself: a page of ours may not fetch it from another host.
LOADED = re.compile(r"<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=[\"']?(?:https?:)?//[^>]*>")


def on_config(config: MkDocsConfig) -> None:
    """The pages of reference come last in the navigation."""
    assert config.nav is not None
    config.nav.append({"Reference": [f"reference/{room.stem}.md" for room in rooms()]})


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages that are made."""
    for path in ROOT.glob("*.md"):
        text = path.read_text(encoding="utf-8").replace("](docs/", "](")
        files.append(File.generated(config, site_name(path.name), content=text))
    for room in rooms():
        name = f"reference/{room.stem}.md"
        files.append(File.generated(config, name, content=reference(room)))
    rows = reproduce(PUBLISHED, runs=()).rows
    files.append(File.generated(config, "paper.md", content=paper_tables(rows)))


def on_page_markdown(markdown: str, **_: object) -> str:
    """Name the pages of the root as the site does; blocks that tests run are blocks as others."""
    blocks = re.sub(r"^```(bash|console) run$", r"```\1", markdown, flags=re.MULTILINE)
    return LINK.sub(lambda link: f"]({site_name(link[1])}", blocks)


def on_post_page(output: str, page: object, **_: object) -> str:
    """Refuse a page that would load something from another host."""
    if found := LOADED.search(output):
        raise PluginError(f"{page} loads from another host: {found[0]}")
    return output


def site_name(name: str) -> str:
    """Where a file of the root stands in the site."""
    return "index.md" if name == "README.md" else name.lower()


def rooms() -> list[Path]:
    """The package itself, then its rooms."""
    return [PACKAGE, *sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))]


def reference(room: Path) -> str:
    """A page with all modules of a room; of the package itself, with its public names."""
    if room == PACKAGE:
        return "# cotrain\n\n::: cotrain\n"
    modules = sorted(
        path.relative_to(PACKAGE.parent).with_suffix("") for path in room.rglob("*.py")
    )
    return f"# cotrain.{room.name}\n\n" + "\n".join(map(_module, modules))


def paper_tables(rows: Sequence[PaperRow]) -> str:
    """A page with the paper's tables: what each recipe costs, and what is reported of it."""
    tables = groupby(rows, key=lambda row: row.published.table)
    return _PAPER + "".join(_paper_table(name, list(of_table)) for name, of_table in tables)


_PAPER = """# The paper's tables

Of [arXiv:2011.14660](https://arxiv.org/abs/2011.14660): the costs are counted from our networks, as
exact integers, the errors are the paper's. Each row is a recipe: `cotrain train --config RECIPE`
runs it, and `cotrain table RUN RUN ...` prints these tables with your own runs beside them.
"""


def _paper_table(name: str, rows: Sequence[PaperRow]) -> str:
    title = f"\n## Table {name}: {DATASETS[rows[0].published.dataset].title}\n\n"
    head = "| recipe | params | MACs | published error, % |\n|---|--:|--:|--:|\n"
    return title + head + "".join(map(_paper_row, rows))


def _paper_row(row: PaperRow) -> str:
    published = row.published
    return f"| `{published.recipe}` | {row.params:,} | {row.macs:,} | {published.error:.2f} |\n"


def _module(path: Path) -> str:
    """What a module defines; of a package its docstring, for its names stand in its modules."""
    if path.name != "__init__":
        return f"::: {'.'.join(path.parts)}\n"
    return f"::: {'.'.join(path.parent.parts)}\n    options:\n      members: false\n"
