"""The site's hook: which pages it makes, how it names them, and what it refuses."""

import pytest
from mkdocs.exceptions import PluginError

from tools.docs_pages import PACKAGE, on_page_markdown, on_post_page, reference, rooms, site_name


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
