"""Pages of reports in a real browser, at the width of a phone and of a desk, light and dark.

Chromium is found by its name, or by ``CHROMIUM``; without it, or without playwright, this is
skipped.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from reported import CLASSES, odd_run, small_comparison

from cotrain.report.page.rendering import write_page
from cotrain.report.page.subject import page_of

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)

pytestmark = pytest.mark.browser
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
if CHROMIUM is None:
    pytest.skip(
        "there is no Chromium: install one, or name it by CHROMIUM", allow_module_level=True
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    made = {"run": odd_run(folder), "comparison": small_comparison(folder / "comparison")}
    return {
        name: write_page(page_of(path), folder / f"{name}.html")[0] for name, path in made.items()
    }


@pytest.fixture(params=[(360, "light"), (360, "dark"), (1400, "light"), (1400, "dark")], ids=str)
def opened(request, browser) -> Iterator[Any]:
    """A browser's page of a width and colours; what it complains of is in ``page.heard``."""
    width, colours = request.param
    viewport = {"width": width, "height": 800}
    context = browser.new_context(viewport=viewport, color_scheme=colours)
    page = context.new_page()
    page.heard = []
    page.on("console", lambda message: page.heard.append(message.text))
    page.on("pageerror", lambda error: page.heard.append(str(error)))
    page.on("dialog", lambda dialog: page.heard.append(dialog.message))
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))
    yield page
    context.close()


@pytest.mark.parametrize("name", ["run", "comparison"])
def test_it_shows_all_and_asks_for_nothing(opened, files, name):
    opened.goto(files[name].as_uri())
    assert opened.heard == []
    outside = [url for url in opened.asked if not url.startswith("data:")]
    assert outside == [files[name].as_uri()]
    images = opened.evaluate(
        "[...document.images].map(i => [i.complete && i.naturalWidth, i.clientWidth, i.alt])"
    )
    assert len(images) >= (5 if name == "run" else 7)
    assert all(natural > 0 and shown > 40 and alt for natural, shown, alt in images)
    root = "document.documentElement"
    assert opened.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")
    # A region that scrolls can be reached by the keyboard, and says what it is.
    assert opened.evaluate(
        "[...document.querySelectorAll('.scroll')].every(e => e.tabIndex === 0 && e.ariaLabel)"
    )


def test_dark_rooms_get_dark_pages(opened, files):
    opened.goto(files["run"].as_uri())
    dark = opened.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    colours = opened.evaluate(
        "(s => [s.color, s.backgroundColor].map(c => c.match(/\\d+/g).map(Number)))"
        "(getComputedStyle(document.body))"
    )
    text, back = (sum(colour[:3]) for colour in colours)
    assert (text > 600 and back < 100) if dark else (text < 150 and back == 765)


def test_a_table_is_sorted_by_the_keyboard(opened, files):
    opened.goto(files["run"].as_uri())
    table = opened.locator("table", has_text="recall %")
    head = table.locator("th", has_text="recall %")
    button = head.locator("button")
    order = "t => [...t.tBodies[0].rows].map(r => Number(r.cells[2].dataset.value))"
    button.focus()
    opened.keyboard.press("Enter")
    values = table.evaluate(order)
    assert len(set(values)) > 1
    assert head.get_attribute("aria-sort") == "ascending"
    assert values == sorted(values)
    opened.keyboard.press("Space")
    assert head.get_attribute("aria-sort") == "descending"
    assert table.evaluate(order) == sorted(values, reverse=True)
    names = table.locator("th").first.locator("button")
    names.press("Enter")
    assert head.get_attribute("aria-sort") is None
    shown = table.locator("tbody th").all_inner_texts()
    assert {*shown} == {*CLASSES}
    names.press("Enter")
    assert table.locator("tbody th").all_inner_texts() == shown[::-1]
    assert opened.heard == []


def test_a_picture_tells_the_value_under_the_pointer(opened, files):
    opened.goto(files["comparison"].as_uri())
    figure = opened.locator("figure").first
    canvas = figure.locator(".canvas")
    canvas.scroll_into_view_if_needed()
    [left, top, text] = canvas.evaluate("e => JSON.parse(e.dataset.spots)[1]")
    box = canvas.bounding_box()
    opened.mouse.move(box["x"] + left / 100 * box["width"], box["y"] + top / 100 * box["height"])
    assert figure.locator(".value").inner_text() == text
    assert text.startswith("S=2: error ")


def test_without_scripts_nothing_is_missing(browser, files):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(files["run"].as_uri())
    assert page.locator("th button").count() == 0
    assert page.locator("details table").count() == page.locator("details").count() >= 5
    assert page.locator("#verdict").inner_text().startswith("2 networks together answer")
    context.close()


def test_it_can_be_printed(browser, files, tmp_path):
    page = browser.new_page()
    page.goto(files["run"].as_uri())
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert page.locator(".scroll").first.evaluate("e => getComputedStyle(e).overflow") == "visible"
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert len(printed) > 20_000
    page.close()
