"""A page is one file that is whole, whatever the classes and the files are called."""

import json

import pytest
from html_pages import check_whole, read_html
from matplotlib.figure import Figure
from PIL import Image

from cotrain.report.page.contents import (
    Exhibit,
    Gallery,
    Matrix,
    Page,
    Picture,
    Section,
    Spot,
    Vote,
)
from cotrain.report.page.drawing import new_figure
from cotrain.report.page.gallery import png_of
from cotrain.report.page.rendering import html_of, sorted_by, write_page
from cotrain.report.style import new_table

HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)> '",
    "</style></script><!--",
    "{{ 7 * 7 }} {% raw %}",
    "größe 日本語",
    "a\x1b[31m\x00\u202eb",
    "long" * 100,
    "&amp; &lt;",
)


def figure() -> tuple[Figure, Spot]:
    drawn, axes = new_figure()
    axes.plot([0, 1], [0, 1])
    axes.set(xlim=(0, 1), ylim=(0, 1))
    return drawn, Spot(axes, 0.5, 0.5, "half \"of' <it>")


def hostile_page() -> Page:
    import torch

    drawn, spot = figure()
    table = new_table("class", "images", title=HOSTILE[0], caption=HOSTILE[2])
    for name in HOSTILE:
        table.add_row(name, "1,234")
    image = png_of(torch.zeros(1, 8, 8, dtype=torch.uint8))
    votes = [Vote(voter="ensemble", answer=name, probability=0.5, right=False) for name in HOSTILE]
    exhibits = [Exhibit(image=image, name=name, says=[name], votes=votes) for name in HOSTILE]
    counts = [[row * 10 + column for column in range(8)] for row in range(8)]
    return Page(
        title=HOSTILE[1],
        verdict=HOSTILE,
        sections=[
            Section(
                title=name,
                says=[name],
                tables=[table] if not place else [],
                matrices=[Matrix(labels=HOSTILE, counts=counts)] if not place else [],
                pictures=[Picture(name="one", title=name, alt=name, figure=drawn, spots=[spot])]
                if not place
                else [],
                galleries=[Gallery(title=name, exhibits=exhibits)] if not place else [],
            )
            for place, name in enumerate(HOSTILE)
        ],
        footer=HOSTILE[5],
    )


SHOWN = [
    name.replace("\x1b", "\\x1b").replace("\x00", "\\x00").replace("\u202e", "\\u202e")
    for name in HOSTILE
]


def test_names_of_others_are_text_and_nothing_else():
    html = html_of(hostile_page())
    assert not set(html) & {"\x1b", "\x00", "\u202e"}
    document = read_html(html)
    check_whole(document)
    paragraphs = [each.text for each in document.all("main")[0].all("section")[0].all("p")]
    assert paragraphs == SHOWN
    assert [each.text for each in document.all("h2")] == SHOWN
    assert document.all("title")[0].text == SHOWN[1]
    table = next(each for each in document.all("table") if each.attributes["class"] == "sortable")
    assert [row[0] for row in table.rows()[1:]] == [" ".join(name.split()) for name in SHOWN]
    assert len(document.all("img")) == 1 + len(HOSTILE)


def test_the_matrix_says_every_count():
    document = read_html(html_of(hostile_page()))
    table = next(each for each in document.all("table") if each.attributes["class"] == "matrix")
    cells = [row[1:] for row in table.rows()[1:]]
    assert cells == [[str(row * 10 + column or "") for column in range(8)] for row in range(8)]
    title = table.all("td")[2].attributes["title"]
    assert title == f"1 images of {SHOWN[0]} taken for {SHOWN[1]}"


def test_a_spot_lies_where_the_picture_has_it(tmp_path):
    page = hostile_page()
    write_page(page, tmp_path / "page.html")
    document = read_html((tmp_path / "page.html").read_text("utf-8"))
    canvas = next(e for e in document.all("div") if e.attributes.get("class") == "canvas")
    [[left, top, text]] = json.loads(canvas.attributes["data-spots"] or "")
    box = page.pictures[0].figure.axes[0].get_position()
    assert left == pytest.approx(100 * (box.x0 + box.x1) / 2, abs=0.01)
    assert top == pytest.approx(100 - 100 * (box.y0 + box.y1) / 2, abs=0.01)
    assert text == "half \"of' <it>"


def test_pictures_lie_beside_the_page_which_does_not_need_them(tmp_path):
    written = write_page(hostile_page(), tmp_path / "new" / "page.html")
    assert written == [tmp_path / "new/page.html", tmp_path / "new/page_pictures"]
    assert sorted(each.name for each in written[1].iterdir()) == ["one.png", "one.svg"]
    with Image.open(written[1] / "one.png") as image:
        assert image.size == (960, 640)
    assert (written[1] / "one.svg").read_bytes().startswith(b"<?xml")


def test_the_same_page_is_the_same_file(tmp_path):
    pages = [html_of(hostile_page()) for _ in range(2)]
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("11.3 M x 1.02", 11.3e6),
        ("1,597", 1597),
        ("-0.25", -0.25),
        ("308 k", 308e3),
        ("2.40 ± 0.50", 2.4),
        ("1e-05", 1e-5),
        ("-", ""),
    ],
)
def test_what_a_cell_is_sorted_by(cell, value):
    assert sorted_by(cell) == value
