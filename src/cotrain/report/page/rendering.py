"""A page as one HTML file that asks no network for anything, with its pictures beside it."""

import base64
import hashlib
import io
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import matplotlib
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cotrain.basics.files import atomic_write
from cotrain.basics.text import printable
from cotrain.report.page.contents import Page, Picture

# Texts as shapes, which look alike everywhere; the same picture gives the same bytes.
_SVG: dict[Any, Any] = {"svg.fonttype": "path", "svg.hashsalt": "cotrain"}
_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
_PREFIXES = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


def write_page(page: Page, file: Path) -> list[Path]:
    """Write the page, and its pictures as SVG and PNG into a folder beside it.

    Args:
        page: What it says.
        file: The HTML file; it needs none of the others.

    Returns:
        The page, and the folder of the pictures.
    """
    folder = file.with_name(f"{file.stem}_pictures")
    drawn = {picture.name: _svg(picture) for picture in page.pictures}
    for picture in page.pictures:
        atomic_write(folder / f"{picture.name}.svg", drawn[picture.name])
        atomic_write(folder / f"{picture.name}.png", _png(picture))
    atomic_write(file, _html(page, drawn).encode())
    return [file, folder]


def html_of(page: Page) -> str:
    """The page as HTML."""
    return _html(page, {picture.name: _svg(picture) for picture in page.pictures})


def _html(page: Page, drawn: dict[str, bytes]) -> str:
    here = files("cotrain.report.page")
    script, style = (here.joinpath(f"page.{kind}").read_text("utf-8") for kind in ("js", "css"))
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            page=page,
            drawn={name: _uri(svg, "svg+xml") for name, svg in drawn.items()},
            script=Markup(script),
            script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            style=Markup(style),
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("cotrain.report.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Names of others: no control characters, and none that turn the text around.
        finalize=_shown,
    )
    environment.filters |= {"png": lambda content: _uri(content, "png"), "sorted_by": sorted_by}
    environment.globals |= {"spots": _spots}
    return environment


def _shown(value: Any) -> Any:
    return printable(value) if type(value) is str else value


def _uri(content: bytes, kind: str) -> Markup:
    return Markup(f"data:image/{kind};base64,{base64.b64encode(content).decode()}")


def sorted_by(cell: str) -> float | str:
    """The number by which a cell is sorted, such as 11,300,000 of ``11.3 M``; "" if it has none."""
    found = _NUMBER.search(cell)
    if found is None:
        return ""
    number = float(found[0].replace(",", ""))
    return number * _PREFIXES.get(cell[found.end() :].strip()[:1], 1)


def _svg(picture: Picture) -> bytes:
    buffer = io.BytesIO()
    with matplotlib.rc_context(_SVG):
        picture.figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return buffer.getvalue()


def _png(picture: Picture) -> bytes:
    buffer = io.BytesIO()
    picture.figure.savefig(buffer, format="png", dpi=200)
    return buffer.getvalue()


def _spots(picture: Picture) -> str:
    """Every spot as [left, top, text], in percent of the picture, which is drawn by then."""
    width, height = picture.figure.bbox.size
    found = []
    for axes, x, y, text in picture.spots:
        left, bottom = axes.transData.transform((x, y))
        found.append([round(100 * left / width, 2), round(100 - 100 * bottom / height, 2), text])
    return json.dumps(found)
