"""The site's hook: which pages it makes, how it names them, and what it refuses."""

import pytest
from mkdocs.exceptions import PluginError

from cotrain.comparison.paper.reproduction import reproduce
from cotrain.config.published import PUBLISHED
from tools.docs_pages import (
    PACKAGE,
    on_page_markdown,
    on_post_page,
    paper_tables,
    reference,
    rooms,
    site_name,
)


def test_every_room_has_a_page_with_all_its_modules():
    assert [room.name for room in rooms()][:3] == ["cotrain", "basics", "cli"]
    assert reference(PACKAGE) == "# cotrain\n\n::: cotrain\n"
    lines = reference(PACKAGE / "config").splitlines()
    assert lines[:3] == ["# cotrain.config", "", "::: cotrain.config"]
    named = {line.removeprefix("::: ") for line in lines if line.startswith(":::")}
    assert {"cotrain.config.experiment", "cotrain.config.recipes.paper"} < named
    assert len(named) == len(list((PACKAGE / "config").rglob("*.py")))


def test_pages_of_the_root_are_named_as_in_the_site():
    assert (site_name("README.md"), site_name("CHANGES.md")) == ("index.md", "changes.md")
    linked = "[a](CHANGES.md), [b](../README.md), [c](guide.md#divide)"
    assert on_page_markdown(linked) == "[a](changes.md), [b](index.md), [c](guide.md#divide)"


def test_blocks_that_tests_run_are_blocks_as_others():
    assert on_page_markdown("```bash run\nls\n```\n```python\n") == "```bash\nls\n```\n```python\n"


@pytest.mark.parametrize(
    "loads",
    [
        '<script src="https://other.org/x.js"></script>',
        '<link rel="stylesheet" href="//other.org/x.css">',
        "<img alt=x src=http://other.org/x.png>",
    ],
)
def test_a_page_that_loads_from_another_host_is_refused(loads):
    with pytest.raises(PluginError, match="loads from another host: <"):
        on_post_page(f"<html>{loads}</html>", page="guide.md")


def test_a_page_may_link_to_another_host():
    page = '<a href="https://arxiv.org/abs/2011.14660">x</a><script src="assets/x.js"></script>'
    assert on_post_page(page, page="guide.md") == page


def test_the_papers_tables_are_a_page_with_a_row_for_each_recipe():
    of_one = [each for each in PUBLISHED if each.network == "wide_resnet28_10"]
    lines = paper_tables(reproduce(of_one, runs=()).rows).splitlines()
    assert [line for line in lines if line.startswith("#")] == [
        "# The paper's tables",
        "## Table II: CIFAR-100",
        "## Table III: CIFAR-10",
    ]
    assert "| `paper/wide_resnet28_10-cifar100-s1` | 36,539,124 | 5,243,386,368 | 15.50 |" in lines
    assert sum(line.startswith("| `paper/") for line in lines) == len(of_one)
