"""The table of formats holds what the settings name, and what a file of each begins with."""

from typing import get_args

import pytest

from cotrain.config.export import Format, Precision
from cotrain.export.formats.registry import FORMATS


def test_the_table_has_the_formats_and_precisions_of_the_settings():
    assert set(FORMATS) == set(get_args(Format))
    assert {p for each in FORMATS.values() for p in each.precisions} == set(get_args(Precision))


@pytest.mark.parametrize(("kind", "name"), [("onnx_file", "onnx"), ("graph_file", "torch-export")])
def test_files_are_told_apart_by_their_beginning(kind, name, request):
    path = request.getfixturevalue(kind)
    begin = path.read_bytes()[:8]
    found = [each for each in FORMATS.values() if begin.startswith(each.signature)]
    assert found[0].open is FORMATS[name].open
    assert path.suffix == found[0].suffix == FORMATS[name].suffix
