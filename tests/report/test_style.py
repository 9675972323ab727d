"""Tables fit every width and show texts of others as they are; numbers are short."""

import pytest
from tables import check_fits, printed

from cotrain.report.style import new_table, short_number


@pytest.fixture
def table():
    table = new_table("", "label", "parameters", texts=["label"], title="Title", caption="a\nb")
    table.add_row("one network", "cat", "36,539,124")
    table.add_row("two", ["cat", "dog"], ["1", "2"])
    table.add_row("bad", note="cannot be read, for a reason of many words")
    return table


def test_where_it_fits_it_is_a_table(table):
    assert [line.rstrip() for line in printed(table, 50).splitlines()] == [
        "Title",
        "             label                     parameters",
        "─" * 50,
        "one network  cat                       36,539,124",
        "two          cat                                1",
        "             dog                                2",
        "bad          cannot be read, for a",
        "             reason of many words",
        "a",
        "b",
    ]


def test_where_it_does_not_rows_stand_below_each_other(table):
    assert [line.rstrip() for line in printed(table, 29).splitlines()] == [
        "Title",
        "one network",
        "  label       cat",
        "  parameters  36,539,124",
        "two",
        "  label       cat",
        "              dog",
        "  parameters  1",
        "              2",
        "bad",
        "  cannot be read, for a",
        "  reason of many words",
        "a",
        "b",
    ]
    lines = printed(table, 20).splitlines()
    assert lines[3:5] == ["  parameters", "    36,539,124"]


def test_names_and_numbers_are_whole_in_every_width(table):
    check_fits(table)
    long = new_table("name", *(f"number {index}" for index in range(8)))
    long.add_row("a/path/of/thirty/letters/x.png", *(f"{10**index:,}" for index in range(8)))
    check_fits(long)


def test_texts_of_others_steer_nothing():
    table = new_table("[bold]", title="\x1b[2J", caption="\x07\n\x9b")
    table.add_row("[red]x[/red]\x1b[31m\n", style="bold")
    table.add_row("\udcff", note="\x1b")
    for width in (8, 80):
        text = "".join(printed(table, width).split())
        for shown in ("\\x1b[2J", "[red]x[/red]\\x1b[31m\\n", "\\udcff", "\\x07\\x9b"):
            assert shown in text
        assert text.isprintable()


@pytest.mark.parametrize(
    ("number", "text"), [(308_074, "308 k"), (2_895_936, "2.90 M"), (5.25e9, "5.25 G"), (12, "12")]
)
def test_large_numbers_are_short(number, text):
    assert short_number(number) == text
