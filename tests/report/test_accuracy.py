"""The table holds the numbers of a comparison; the picture holds every candidate, none hidden."""

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from pictures import check_apart
from PIL import Image
from tables import check_fits, printed

from cotrain.basics.machine import hardware
from cotrain.comparison.accuracy.compare import Comparison
from cotrain.comparison.accuracy.statistics import Spread
from cotrain.comparison.accuracy.verdicts import CandidateResult
from cotrain.config import Experiment
from cotrain.ensemble.cost import Cost
from cotrain.execution.timing import Latency
from cotrain.report import accuracy as report


def result(name, into, ratio, error, verdict, std: float | None = 0.5):
    return CandidateResult(
        name=name,
        into=into,
        cost=Cost(
            params=int(308_074 * ratio),
            macs=int(2_895_936 * ratio),
            params_ratio=ratio,
            macs_ratio=ratio,
            equal=0.85 <= ratio <= 1.15,
        ),
        error=Spread(mean=error, std=std),
        nll=Spread(mean=0.0625, std=None if std is None else 0.0123),
        single_error=Spread(mean=2.75, std=std),
        errors=(error,),
        nlls=(0.0625,),
        error_difference=None,
        nll_difference=None,
        latencies=tuple(
            Latency(name=name, batch_size=size, rounds=20, median_ms=size * 1.5, spread_ms=0.1)
            for size in (1, 64)
        ),
        seconds=23.4,
        verdict=verdict,
    )


def comparison(*results, seeds=(0, 1, 2)):
    return Comparison(
        candidates=results,
        experiment=Experiment(),
        left_out=(),
        seeds=seeds,
        images=1597,
        machine=hardware(),
        device="cpu",
        threads=2,
        jobs=2,
        training_threads=(1,),
    )


@pytest.fixture
def example():
    return comparison(
        result("S=1", 1, 1.0, 2.4, "the large network"),
        result("S=4", 4, 1.01, 1.99, "error clearly better"),
        result("S=4 independent", 4, 1.01, 2.1, "error no clear difference"),
        result("S=8", 8, 1.31, 3.25, "error clearly worse: dividing does not help here"),
    )


def test_the_table_fits_every_width(example):
    check_fits(report.comparison_table(example))


def test_comparison_table_fits_80_columns_and_is_plain(example):
    text = printed(report.comparison_table(example))
    lines = text.splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    large = next(line for line in lines if line.startswith("S=1"))
    expected = ["S=1", "308", "k", "2.90", "M", "2.40", "0.0625", "2.75", "1.5", "1.5", "23"]
    assert large.split() == expected
    assert text.count("not equal") == 1
    assert "± 0.50" in text
    assert "S=8: error clearly worse: dividing does not help here." in text
    text = " ".join(text.split())
    assert "over 3 seeds, 1,597 test images" in text
    assert "95 % interval over seeds and images." in text


def test_one_seed_has_no_deviation():
    one = comparison(result("S=2", 2, 1.0, 2.4, "no large network", std=None), seeds=(0,))
    text = " ".join(printed(report.comparison_table(one)).split())
    assert "± 0" not in text
    assert "One seed, 1,597 test images." in text
    assert "95 % interval over images only." in text


def test_picture_shows_every_candidate(example):
    figure = Figure()
    axes = figure.add_subplot()
    report._draw(axes, example)
    containers: list[Any] = axes.containers
    shown = {c.get_label(): c.lines[0].get_xydata()[0] for c in containers}
    names = {label.splitlines()[0]: place for label, place in shown.items()}
    assert [float(names[each.name][1]) for each in example.candidates] == [2.4, 1.99, 2.1, 3.25]
    assert "S=4\n1.99 ± 0.50 %, 2.92 M MACs" in shown
    low, high = axes.get_xlim()
    places = sorted(float(place[0]) for place in shown.values())
    assert low < places[0]
    assert places[-1] < high
    assert all(b - a > 0.04 * (high - low) for a, b in pairwise(places))
    assert axes.get_ylim()[0] == 0


def test_record_and_picture_are_written_for_one_seed_too(example, tmp_path):
    one = comparison(result("S=2", 2, 1.0, 2.4, "no large network", std=None), seeds=(0,))
    for each in (example, one):
        report.write_comparison(each, tmp_path / "new")
        record = json.loads((tmp_path / "new/comparison.json").read_text())
        assert record == json.loads(json.dumps(each.to_dict()))
        with Image.open(tmp_path / "new/comparison.png") as image:
            assert image.size[0] == 1600
            assert np.asarray(image.convert("L")).std() > 10


@pytest.mark.parametrize("number", [1, 4, 9, 14])
def test_nothing_is_cut_and_nothing_hides_another(number):
    results = [result(f"S={into} independent", into, 1.0, 2.4, "") for into in range(1, number + 1)]
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
