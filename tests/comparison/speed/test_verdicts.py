"""Ratios are to the right row, ceilings are the slowest, and the verdict names the fastest."""

from dataclasses import replace

import pytest

from cotrain.comparison.speed.records import Case, Facts, TimedCase
from cotrain.comparison.speed.verdicts import judged, slowest_alone, verdicts
from cotrain.execution.timing import Latency


def facts(name, into, large="L"):
    return Facts(name=name, large=large, into=into, image_shape=(3, 8, 8), params=1, macs=1)


FACTS = {"one": facts("one", 1), "four": facts("four", 4), "file": facts("file", 4)}
FACTS["other"] = facts("other", 1, large="M")


def row(target, strategy, level, ms, batch_size=1, **case):
    latency = Latency(name=target, batch_size=batch_size, rounds=5, median_ms=ms, spread_ms=0.1)
    into = FACTS[target].into
    case = Case(target=target, into=into, strategy=strategy, level=level, **case)
    return TimedCase(case=case, latency=latency)


ROWS = [
    row("other", "loop", "none", 1.0),
    row("one", "loop", "none", 10.0),
    row("one", "loop", "light", 8.0),
    row("one", "cuda_graphs", "light", 5.0),
    row("four", "loop", "none", 40.0),
    row("four", "loop", "light", 30.0),
    row("four", "threads", "light", 16.0),
    row("four", "cuda_graphs", "light", 20.0),
    row("four", "stacked", "compile", 90.0),
    row("four", "loop", "none", 3.0, role="alone"),
    row("four", "loop", "light", 4.0, role="alone"),
    row("four", "loop", "light", 12.8, role="processes"),
    row("file", "loop", "onnx", 20.0),
    row("four", "loop", "none", 400.0, batch_size=8),
]


def test_there_is_no_verdict_on_what_was_not_timed():
    found = [(v.batch_size, v.target) for v in verdicts(ROWS, FACTS)]
    assert found == [(1, "four"), (1, "file"), (8, "four")]


def test_a_prepared_execution_is_compared_with_pytorch():
    rows = [*ROWS, row("four", "threads", "prepared", 2.0)]
    verdict = next(iter(verdicts(rows, FACTS)))
    assert verdict.best.case.level == "prepared"
    assert verdict.against_large == 2.0 / 5.0


@pytest.fixture
def ratios():
    return {
        (r.case.target, r.case.strategy, r.case.level, r.latency.batch_size, r.case.role): (
            r.against_large,
            r.against_loop,
        )
        for r in judged(ROWS, FACTS)
    }


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (("one", "loop", "light", 1, "together"), (1.0, 0.8)),
        (("four", "loop", "none", 1, "together"), (4.0, 1.0)),
        (("four", "threads", "light", 1, "together"), (2.0, 0.4)),
        (("four", "cuda_graphs", "light", 1, "together"), (4.0, 0.5)),
        (("four", "stacked", "compile", 1, "together"), (None, 2.25)),
        (("four", "loop", "none", 8, "together"), (None, 1.0)),
        (("file", "loop", "onnx", 1, "together"), (None, 0.5)),
        (("four", "loop", "light", 1, "processes"), (None, None)),
        (("other", "loop", "none", 1, "together"), (1.0, 1.0)),
    ],
)
def test_ratios_are_to_the_same_condition_and_to_the_plain_loop(ratios, key, expected):
    assert ratios[key] == expected


def test_a_file_is_compared_with_the_large_networks_file():
    rows = [*ROWS, row("one", "loop", "onnx", 4.0)]
    found = judged(rows, FACTS)
    assert next(r for r in found if r.case.target == "file").against_large == 5.0
    file = next(v for v in verdicts(found, FACTS) if v.target == "file")
    assert (file.against_large, file.alone_ms, file.overhead) == (5.0, None, None)


def test_one_small_network_alone_is_not_taken_for_the_large_one():
    known = {name: replace(each, params=4) for name, each in FACTS.items()}
    known["student"] = facts("student", 1)
    student = replace(ROWS[1], case=replace(ROWS[1].case, target="student"))
    rows = [replace(student, latency=replace(student.latency, median_ms=1.0)), *ROWS]
    four = next(v for v in verdicts(judged(rows, known), known) if v.target == "four")
    assert four.against_large == pytest.approx(16 / 5)
    assert judged(rows, known)[1:] == judged(ROWS, FACTS)


def test_the_verdict_is_the_fastest_beside_the_large_networks_fastest():
    four = next(v for v in verdicts(judged(ROWS, FACTS), FACTS) if v.batch_size == 1)
    assert (four.target, four.best.case.strategy, four.best.case.level) == (
        "four",
        "threads",
        "light",
    )
    assert four.against_large == pytest.approx(16 / 5)
    assert (four.alone_ms, four.processes_ms) == (4.0, 12.8)
    assert four.overhead == pytest.approx(0.25)


def test_of_the_networks_alone_the_slowest_is_kept():
    alone = [
        row("four", "loop", "none", ms, role="alone", network=i) for i, ms in enumerate((2, 5, 3))
    ]
    found = slowest_alone([*alone, *ROWS[:2]])
    assert [(r.case.target, r.case.network, r.latency.median_ms) for r in found] == [
        ("four", 1, 5),
        ("other", 0, 1.0),
        ("one", 0, 10.0),
    ]
