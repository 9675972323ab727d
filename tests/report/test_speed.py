"""Tables, sentences and pictures hold the numbers of a benchmark, and nothing is left out."""

import json
from dataclasses import replace

import pytest
from pictures import check_apart
from PIL import Image
from tables import check_fits, printed

from cotrain.basics.machine import hardware
from cotrain.comparison.speed import Benchmark, Case, Facts, Refusal, TimedCase, Verdict
from cotrain.execution.timing import Latency
from cotrain.report.speed import (
    benchmark_notes,
    benchmark_picture,
    benchmark_tables,
    draw_accuracies,
    draw_cases,
    write_benchmark,
)

LARGE = "wide_resnet16_4 3x32x32, 10 classes"


def facts(into, macs=425_000_000, top1=None):
    return Facts(
        name=f"{LARGE}, S={into}",
        large=LARGE,
        into=into,
        image_shape=(3, 32, 32),
        params=2_750_000,
        macs=macs,
        top1=top1,
    )


def row(into, strategy, ms, batch_size, *, ratios=(None, None), **case):
    name = facts(into).name
    return TimedCase(
        case=Case(target=name, into=into, strategy=strategy, level="light", **case),
        latency=Latency(
            name=name, batch_size=batch_size, rounds=20, median_ms=ms, spread_ms=ms / 10
        ),
        against_large=ratios[0],
        against_loop=ratios[1],
    )


def rows(batch_size):
    reason = "threads takes 6 ms where the plain loop takes 8 ms"
    return (
        replace(row(1, "loop", 4.0, batch_size), case=plain(1)),
        replace(row(4, "loop", 8.0, batch_size, ratios=(2.0, 1.0)), case=plain(4)),
        row(4, "threads", 6.0, batch_size, ratios=(1.5, 0.75), reason=reason),
        row(4, "loop", 1.25, batch_size, role="alone", network=2),
        row(4, "loop", 5.0, batch_size, role="processes"),
    )


def plain(into):
    return Case(target=facts(into).name, into=into, strategy="loop", level="none")


@pytest.fixture
def example():
    every = rows(1) + rows(16)
    streams = Case(target=facts(4).name, into=4, strategy="streams", level="none")
    return Benchmark(
        targets=(facts(1), facts(4)),
        rows=every,
        verdicts=(
            Verdict(
                target=facts(4).name,
                batch_size=16,
                best=every[7],
                against_large=1.5,
                alone_ms=1.25,
                processes_ms=5.0,
                overhead=0.2,
            ),
        ),
        refused=tuple(
            Refusal(case=replace(streams, level=level), batch_size=size, reason="no CUDA device")
            for level in ("none", "light")
            for size in (1, 16)
        ),
        machine=hardware(),
        device="cpu",
        threads=2,
        rounds=20,
        warm_up=3,
    )


def test_a_table_for_each_batch_size_fits_80_columns(example):
    text = printed(benchmark_tables(example))
    lines = [line.rstrip() for line in text.splitlines()]
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if line.startswith("batch")] == ["batch 1", "batch 16"]
    second = lines[lines.index("batch 16") :]
    large = second.index("S=1")
    assert second[large + 1].split() == ["loop,", "none", "4", "0.4", "0.25"]
    assert second[large + 2] == "S=4"
    threads = next(line for line in second if "threads" in line)
    assert threads.split() == ["auto:", "threads,", "light", "6", "0.6", "0.375", "1.50", "0.75"]
    assert sum("(a) slowest alone: light" in line for line in lines) == 2
    assert sum("(b) S processes: light" in line for line in lines) == 2


def test_the_tables_fit_every_width(example):
    for table in benchmark_tables(example):
        check_fits(table)


def test_notes_say_what_is_fastest_and_what_bounds_it(example):
    notes = benchmark_notes(example)
    assert notes[0].startswith(f"{LARGE}: cpu, 2 threads; median and interquartile range")
    assert notes[3] == (
        "S=4, batch 16: fastest is auto: threads, light: 6 ms, 0.75 x the plain loop, 1.50 x the "
        "large network's fastest; (a) the slowest network alone, a device each: 1.25 ms; (b) as "
        "independent processes: 5 ms, overhead +20%."
    )
    assert notes[4:6] == [
        f"auto for S=4, batch {size}: threads takes 6 ms where the plain loop takes 8 ms."
        for size in (1, 16)
    ]
    assert notes[6:] == ["not possible for S=4: no CUDA device."]


def test_large_networks_are_named_where_there_are_several(example):
    other = replace(facts(1), name="other, S=1", large="other")
    text = printed(benchmark_tables(replace(example, targets=(*example.targets, other))))
    assert "wide_resnet16_4" in text
    assert "wide_resnet16_4" not in printed(benchmark_tables(example))


@pytest.fixture
def axes():
    from matplotlib.figure import Figure

    return Figure().add_subplot()


def test_every_case_is_drawn_and_ceilings_are_open(example, axes):
    draw_cases(axes, rows(16), example.targets)
    points = [each.lines[0] for each in axes.containers]
    assert [float(p.get_xdata()[0]) for p in points] == [0.25, 0.5, 0.375, 1.25 / 16, 5 / 16]
    assert [p.get_markerfacecolor() == "none" for p in points] == [False] * 3 + [True] * 2
    assert [each.get_text() for each in axes.get_yticklabels()][2] == "auto: threads, light"
    assert axes.get_legend_handles_labels()[1] == ["S=1", "S=4"]


def test_accuracy_stands_over_the_fastest_and_the_area_is_the_macs(axes):
    targets = (facts(1, top1=0.9), facts(4, macs=850_000_000, top1=0.95))
    draw_accuracies(axes, rows(16), targets)
    places = [tuple(map(float, each.get_offsets()[0])) for each in axes.collections]
    assert [*map(pytest.approx, places)] == [(0.25, 90.0), (0.375, 95.0)]
    areas = [float(each.get_sizes()[0]) for each in axes.collections]
    assert areas[1] == pytest.approx(2 * areas[0])
    assert list(axes.lines[1].get_xdata()) == [0.5, 0.375]
    assert axes.get_legend_handles_labels()[1] == [
        "S=1: 90.00 %, 425 M MACs",
        "S=4: 95.00 %, 850 M MACs",
    ]


def test_the_cascade_is_a_ring_at_its_own_accuracy_and_time(axes):
    asked = row(4, "loop", 3.2, 16, role="cascade", share=0.25)
    known = replace(facts(4, top1=0.95), cascade_top1=0.94)
    draw_accuracies(axes, [*rows(16), asked], [facts(1, top1=0.9), known])
    disc, ring = axes.collections[1:]
    assert tuple(map(float, ring.get_offsets()[0])) == (pytest.approx(0.2), pytest.approx(94.0))
    assert float(ring.get_sizes()[0]) == pytest.approx(float(disc.get_sizes()[0]) / 4)
    assert len(ring.get_facecolors()) == 0
    labels = axes.get_legend_handles_labels()[1]
    assert labels[2] == "S=4, cascade: 94.00 %, 106 M MACs"


def test_a_file_that_has_no_plain_loop_has_an_accuracy_too(axes):
    draw_accuracies(axes, [row(4, "loop", 8.0, 16)], [facts(4, top1=0.5)])
    assert len(axes.collections) == 1
    assert list(axes.lines[0].get_xdata()) == [0.5, 0.5]


def test_picture_and_json_are_written(example, tmp_path):
    write_benchmark(example, tmp_path / "new")
    record = json.loads((tmp_path / "new" / "benchmark.json").read_text())
    assert record["rows"][1]["latency"]["median_ms"] == 8.0
    with Image.open(tmp_path / "new" / "benchmark.png") as image:
        assert image.size[0] == 1800
    known = replace(example, targets=(facts(1, top1=0.9), facts(4, top1=0.95)))
    figure = benchmark_picture(known)
    assert figure.bbox.width == 1800
    check_apart(figure)
    assert [each.get_title() for each in figure.axes] == ["batch 1", "batch 16"]
    assert figure.get_suptitle().startswith(f"{LARGE}: cpu, 2 threads\ndisc: the fastest way")


def test_the_accuracy_of_one_is_no_comparison(example):
    single = replace(example, targets=(facts(1), facts(4, top1=0.95)))
    figure = benchmark_picture(single)
    check_apart(figure)
    assert len(figure.axes[0].get_yticklabels()) == 5
    assert "interquartile range" in figure.get_suptitle()
