"""The tables of a comparison hold its numbers and fit every terminal."""

from dataclasses import replace

import pytest
from comparisons import comparison, contrast, difference, quality, result
from tables import check_fits, printed

from cotrain.comparison.accuracy.candidate_result import Staged
from cotrain.comparison.accuracy.statistics import Spread
from cotrain.report.accuracy_tables import comparison_tables

BETTER = difference(-0.41, 0.012, compared=3)


@pytest.fixture
def example():
    large = contrast("S=1", BETTER)
    return comparison(
        result("S=1", 1, 2.4),
        result("S=4", 4, 1.99, to_large=large, to_independent=contrast("S=4 independent", BETTER)),
        result("S=4 independent", 4, 2.1, to_large=contrast("S=1", difference(-0.3, 0.3))),
        result("S=8", 8, 3.25, ratio=1.31, to_large=contrast("S=1", difference(0.85, 0.0001))),
    )


def calibrated(example):
    candidates = tuple(replace(each, calibrated=quality(1.875)) for each in example.candidates)
    return replace(example, candidates=candidates, calibrated_on=200, not_calibrated="")


def test_the_tables_fit_every_width(example):
    for table in comparison_tables(calibrated(example)):
        check_fits(table)


def test_80_columns_hold_them_as_tables(example):
    text = printed(comparison_tables(calibrated(example)))
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert text.count("───") >= 6


def rows(text, name):
    return [line.split() for line in text.splitlines() if line.startswith(f"{name} ")]


def test_quality_and_cost_are_those_of_the_record(example):
    text = printed(comparison_tables(example))
    quality_row, cost_row = rows(text, "S=1")
    assert quality_row == ["S=1", "2.40", "0.0625", "0.1250", "0.0312", "0.375", "98.5"]
    assert cost_row == ["S=1", "308", "k", "2.90", "M", "1.5", "1.5", "23"]
    assert text.count("not equal") == 1
    assert "± 0.50" in text
    text = " ".join(text.split())
    assert "over 3 seeds, 1,597 test images" in text
    assert "Not calibrated: there are no images." in text


def test_calibrated_answers_have_a_table_of_their_own(example):
    text = printed(comparison_tables(calibrated(example)))
    assert [row[1] for row in rows(text, "S=1")][:2] == ["2.40", "1.88"]
    assert "calibrated on the same 200 other images" in " ".join(text.split())
    assert "Not calibrated" not in text


def test_a_cascade_stands_beside_the_whole_ensemble(example):
    cascade = Staged(error=Spread(mean=2.05, std=0.1), macs=Spread(mean=40, std=1))
    candidates = tuple(replace(each, cascade=cascade) for each in example.candidates[3:])
    text = printed(comparison_tables(replace(example, candidates=candidates)))
    lines = [line.split() for line in text.splitlines()]
    place = next(i for i, line in enumerate(lines) if line[:1] == ["cascade"])
    assert lines[place + 2] == ["S=8", "2.05", "3.25", "40.0", "0.52"]


def test_differences_have_interval_p_and_word(example):
    text = printed(comparison_tables(example))
    lines = [line.split() for line in text.splitlines()]
    place = next(i for i, line in enumerate(lines) if line[:2] == ["less", "S=1"])
    four = lines[place + 2 : place + 7]
    assert four[0] == ["S=4", "-0.41", "-0.4100", "-0.4100", "-0.410"]
    assert four[1][:2] == ["from", "-1.41"]
    assert four[2][:2] == ["to", "+0.59"]
    assert four[3][:3] == ["p", "=", "0.012"]
    assert four[4] == ["better"] * 4
    assert sum(line[:2] == ["less", "no"] for line in lines) == 1
    assert "not clear" in text
    assert "95 % intervals over seeds and images" in " ".join(text.split())
    assert text.count("95 % intervals") == 1


def test_averaging_says_what_disagreement_predicts(example):
    text = printed(comparison_tables(example))
    row = next(line for line in rows(text, "S=4") if line[-1] == "1.20")
    assert row == ["S=4", "2.75", "1.99", "3.30", "1.20"]
    assert "S=4: two networks differ 1.20 times as often as one is wrong" in " ".join(text.split())


def test_one_seed_has_no_deviation():
    of_one = contrast("S=1", difference(-0.4, 0.01, seeds=1))
    one = comparison(
        result("S=1", 1, 2.4, std=None),
        result("S=2", 2, 2.4, std=None, to_large=of_one),
        seeds=(0,),
    )
    text = " ".join(printed(comparison_tables(one)).split())
    assert "± 0" not in text
    assert "One seed, 1,597 test images." in text
    assert "95 % intervals over images only" in text
    assert "lower" in text
    assert "better" not in text


def test_one_candidate_has_no_empty_tables():
    tables = comparison_tables(comparison(result("S=1", 1, 2.4)))
    assert len(tables) == 2
    assert all(len(table.rows) == 1 for table in tables)


def test_peers_stand_beside_the_ensemble(example):
    less = contrast("S=4", difference(0.37, 0.2, compared=2))
    peer = result("packed 4", 4, 2.36, peer="packed", to_ensemble=less)
    tables = comparison_tables(replace(example, candidates=(*example.candidates, peer)))
    (table,) = [each for each in tables if "+0.37" in printed([each])]
    text = printed([table])
    assert "less S=4" in text
    assert ["packed", "+0.37", "+0.3700", "+0.3700", "+0.370"] in rows(text, "packed")
    check_fits(table)
