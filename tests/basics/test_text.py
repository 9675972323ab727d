"""Text of others cannot steer a terminal."""

import pytest

from cotrain.basics.text import duration, one_line, printable, printable_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("café 猫 ±1 %", "café 猫 ±1 %"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x9b2J", "\\x9b2J"),
        ("abc\u202egnp.exe", "abc\\u202egnp.exe"),
        ("\u2028", "\\u2028"),
        ("name\udcff", "name\\udcff"),
        ("non\xa0breaking", "non\xa0breaking"),
        ("", ""),
    ],
)
def test_what_cannot_be_seen_is_written_as_an_escape(text, shown):
    assert printable(text) == shown
    assert printable(shown) == shown


def test_a_message_is_one_line():
    assert one_line(ValueError("first\n  second\t\x1b]0;title")) == "first second \\x1b]0;title"


def test_lines_and_tabs_are_kept():
    assert printable_lines("a\tb\x1b\n\r\u2028c\n") == "a\tb\\x1b\n\\r\\u2028c\n"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.4, "0 s"),
        (89, "89 s"),
        (90, "2 min"),
        (754, "13 min"),
        (5400, "1.5 h"),
        (90000, "25.0 h"),
    ],
)
def test_times_have_the_unit_that_suits_them(seconds, shown):
    assert duration(seconds) == shown
