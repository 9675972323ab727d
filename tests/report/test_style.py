"""Numbers in tables are short."""

import pytest

from cotrain.report.style import short_number


@pytest.mark.parametrize(
    ("number", "text"), [(308_074, "308 k"), (2_895_936, "2.90 M"), (5.25e9, "5.25 G"), (12, "12")]
)
def test_large_numbers_are_short(number, text):
    assert short_number(number) == text
