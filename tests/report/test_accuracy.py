"""The picture of a comparison holds every candidate, none hidden; the record holds all."""

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from comparisons import comparison, result
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from pictures import check_apart
from PIL import Image

from cotrain.report import accuracy as report


@pytest.fixture
def example():
    return comparison(
        result("S=1", 1, 2.4, ratio=1.0),
        result("S=4", 4, 1.99, ratio=1.01),
        result("S=4 independent", 4, 2.1, ratio=1.01),
        result("S=8", 8, 3.25, ratio=1.31),
    )


def test_picture_shows_every_candidate(example):
    figure = Figure()
    axes = figure.add_subplot()
    drawn = report.draw_comparison(axes, example)
    containers: list[Any] = axes.containers
    shown = {c.get_label(): c.lines[0].get_xydata()[0] for c in containers}
    names = {label.splitlines()[0]: place for label, place in shown.items()}
    assert [float(names[each.name][1]) for each in example.candidates] == [2.4, 1.99, 2.1, 3.25]
    assert "S=4\n1.99 ± 0.50 %, 2.92 M MACs" in shown
    assert drawn == [tuple(names[each.name]) for each in example.candidates]
    low, high = axes.get_xlim()
    places = sorted(float(place[0]) for place in shown.values())
    assert low < places[0]
    assert places[-1] < high
    assert all(b - a > 0.04 * (high - low) for a, b in pairwise(places))
    assert axes.get_ylim()[0] == 0


def test_record_and_picture_are_written_for_one_seed_too(example, tmp_path):
    one = comparison(result("S=2", 2, 2.4, ratio=1.0, std=None), seeds=(0,))
    for each in (example, one):
        report.write_comparison(each, tmp_path / "new")
        record = json.loads((tmp_path / "new/comparison.json").read_text())
        assert record == json.loads(json.dumps(each.to_dict()))
        with Image.open(tmp_path / "new/comparison.png") as image:
            assert image.size[0] == 1600
            assert np.asarray(image.convert("L")).std() > 10


@pytest.mark.parametrize("number", [1, 4, 9, 14])
def test_nothing_is_cut_and_nothing_hides_another(number):
    results = [result(f"S={into} independent", into, 2.4) for into in range(1, number + 1)]
    figure = report.comparison_picture(comparison(*results))
    check_apart(figure)
    shown: list[Any] = figure.axes[0].containers
    looks = {(each.lines[0].get_marker(), each.lines[0].get_color()) for each in shown}
    assert len(looks) == number


@given(st.lists(st.floats(0.5, 2), min_size=1, max_size=6))
def test_side_by_side_keeps_order_and_distance(values):
    places = report._side_by_side(values, 0.1)
    order = np.argsort(values, kind="stable")
    assert (np.diff(places[order]) > 0.1 - 1e-9).all()
    assert places.mean() == pytest.approx(np.mean(values))


def test_places_far_apart_are_not_moved():
    assert report._side_by_side([1.3, 1.0, 1.1], 0.1) == pytest.approx([1.3, 1.0, 1.1])
