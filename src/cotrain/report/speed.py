"""A benchmark as tables for the terminal, sentences, and a picture."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cotrain.comparison.speed import Benchmark, Facts, TimedCase, Verdict
from cotrain.report.pictures import add_legend, styles, write_result
from cotrain.report.style import ResultTable, new_table, short_number

_COLUMNS = ("", "ms", "IQR", "ms /\nimage", "x large\nnetwork", "x plain\nloop")
_CEILINGS = {"alone": "(a) slowest alone", "processes": "(b) S processes"}
_MEANING = (
    "x large network: against S=1 in the same condition: the same acceleration, and CUDA graphs "
    "on both sides or on none. x plain loop: against the same networks one after the other, as "
    "they are. none: the network as it is; light: channels_last and folded BatchNorm (stacked: "
    "folded BatchNorm); compile: light and torch.compile."
)

_ACCURACIES = (
    "disc: the fastest way, its area the MACs; ring: of the cascade; line: from the plain loop"
)
_LATENCIES = "median and interquartile range; not filled: ceilings"


def benchmark_tables(benchmark: Benchmark) -> Iterator[ResultTable]:
    """One table for every batch size, and in it the cases of one target after the other."""
    several = len({each.large for each in benchmark.targets}) > 1
    for batch_size, rows in _by_batch(benchmark).items():
        table = new_table(*_COLUMNS, title=f"batch {batch_size}")
        for facts in benchmark.targets:
            table.add_row(facts.name if several else facts.short, style="bold")
            for row in (row for row in rows if row.case.target == facts.name):
                execution, *numbers = _cells(row)
                table.add_row(f"  {execution}", *numbers)
        yield table


def _by_batch(benchmark: Benchmark) -> dict[int, list[TimedCase]]:
    found: dict[int, list[TimedCase]] = defaultdict(list)
    for row in benchmark.rows:
        found[row.latency.batch_size].append(row)
    return found


def _cells(row: TimedCase) -> tuple[str, ...]:
    case, latency = row.case, row.latency
    execution = str(case)
    if case.role == "cascade":
        execution = f"cascade: {case.level}, {case.share:.0%} of the MACs"
    elif case.role != "together":
        execution = f"{_CEILINGS[case.role]}: {case.level}"
        execution += ", cuda_graphs" if case.strategy == "cuda_graphs" else ""
    times = (latency.median_ms, latency.spread_ms, latency.per_image_ms)
    ratios = (row.against_large, row.against_loop)
    return (
        execution,
        *(f"{time:.3g}" for time in times),
        *("" if ratio is None else f"{ratio:.2f}" for ratio in ratios),
    )


def benchmark_notes(benchmark: Benchmark) -> list[str]:
    """What was measured, the fastest way of every ensemble, and what is not possible here."""
    large = ", ".join(dict.fromkeys(each.large for each in benchmark.targets))
    names = {each.name: each.short for each in benchmark.targets}
    return [
        f"{large}: {benchmark.device}, {benchmark.threads} threads; median and interquartile "
        f"range (IQR) of {benchmark.rounds} interleaved rounds; {benchmark.machine}.",
        _MEANING,
        "",
        *(_sentence(verdict, names) for verdict in benchmark.verdicts),
        *_cascades(benchmark, names),
        *_choices(benchmark, names),
        *_refusals(benchmark),
    ]


def _sentence(verdict: Verdict, names: Mapping[str, str]) -> str:
    best = verdict.best
    text = (
        f"{names[verdict.target]}, batch {verdict.batch_size}: fastest is {best.case}: "
        f"{best.latency.median_ms:.3g} ms"
    )
    if best.against_loop is not None:
        text += f", {best.against_loop:.2f} x the plain loop"
    if verdict.against_large is not None:
        text += f", {verdict.against_large:.2f} x the large network's fastest"
    if verdict.alone_ms is not None:
        text += f"; (a) the slowest network alone, a device each: {verdict.alone_ms:.3g} ms"
    if verdict.processes_ms is not None and verdict.overhead is not None:
        text += (
            f"; (b) as independent processes: {verdict.processes_ms:.3g} ms, "
            f"overhead {verdict.overhead:+.0%}"
        )
    return text + "."


def _cascades(benchmark: Benchmark, names: Mapping[str, str]) -> Iterator[str]:
    """What each cascade takes, which is timed on test images."""
    for row in benchmark.rows:
        if row.case.role == "cascade":
            latency = row.latency
            text = (
                f"{names[row.case.target]}, batch {latency.batch_size}: its cascade "
                f"({row.case.level}) answers {1000 / latency.per_image_ms:,.0f} test images a "
                f"second at {row.case.share:.1%} of the MACs"
            )
            if row.against_large is not None:
                text += f", in {row.against_large:.2f} x the large network's time"
            yield text + "."


def _choices(benchmark: Benchmark, names: Mapping[str, str]) -> Iterator[str]:
    """Why ``auto`` chose what it chose."""
    for row in benchmark.rows:
        if row.case.reason:
            name, size = names[row.case.target], row.latency.batch_size
            yield f"auto for {name}, batch {size}: {row.case.reason}."


def _refusals(benchmark: Benchmark) -> Iterator[str]:
    """Every reason once, with the S that it is for."""
    reasons: dict[str, set[int]] = defaultdict(set)
    for each in benchmark.refused:
        reasons[each.reason].add(each.case.into)
    for reason, sizes in reasons.items():
        yield f"not possible for {', '.join(f'S={s}' for s in sorted(sizes))}: {reason}."


def benchmark_picture(benchmark: Benchmark) -> Figure:
    """A panel for every batch size: latency against accuracy where it is known of several, as in
    Figure 3 of arXiv:2011.14660, else the latency of every case."""
    batches = _by_batch(benchmark)
    known = [each for each in benchmark.targets if each.top1 is not None]
    known = known if len(known) > 1 else []
    columns = min(2, len(batches))
    lines = math.ceil(len(batches) / columns)
    most = max(map(len, batches.values()))
    height = 4 if known else max(3, 0.8 + 0.2 * most)
    figure = Figure(figsize=(6 * columns, height * lines), dpi=150, layout="constrained")
    for place, (batch_size, rows) in enumerate(batches.items(), start=1):
        axes = figure.add_subplot(lines, columns, place)
        axes.set(title=f"batch {batch_size}", xlabel="ms per image")
        axes.spines[["top", "right"]].set_visible(False)
        draw_accuracies(axes, rows, known) if known else draw_cases(axes, rows, benchmark.targets)
    large = ", ".join(dict.fromkeys(each.large for each in benchmark.targets))
    meaning = _ACCURACIES if known else _LATENCIES
    figure.suptitle(
        f"{large}: {benchmark.device}, {benchmark.threads} threads\n{meaning}", fontsize=10
    )
    add_legend(figure, columns=2 * columns)
    return figure


def write_benchmark(benchmark: Benchmark, folder: Path) -> None:
    """Write ``benchmark.json`` and ``benchmark.png``."""
    write_result(folder, "benchmark", benchmark.to_dict(), benchmark_picture(benchmark))


def draw_accuracies(axes: Axes, rows: Sequence[TimedCase], targets: Sequence[Facts]) -> None:
    """A disc at the fastest case, its area the GMACs; a line from the plain loop leads there."""
    largest = max(facts.macs for facts in targets)
    for facts, (colour, _) in zip(targets, styles(), strict=False):
        own = [r for r in rows if (r.case.target, r.case.role) == (facts.name, "together")]
        loop = own[0].latency.per_image_ms
        best = min(row.latency.per_image_ms for row in own)
        top1 = 100 * (facts.top1 or 0)
        axes.plot([loop, best], [top1, top1], "|-", color=colour, linewidth=1)
        label = f"{facts.short}: {top1:.2f} %, {short_number(facts.macs)} MACs"
        area = 400 * facts.macs / largest
        axes.scatter(best, top1, s=area, color=colour, alpha=0.8, linewidth=0, label=label)
        _draw_cascade(axes, facts, rows, {"s": area, "edgecolors": colour, "facecolors": "none"})
    axes.set(ylabel="accuracy, %")
    axes.margins(0.2)
    axes.set_xlim(left=0)
    axes.grid(color="0.9")
    axes.set_axisbelow(True)


def _draw_cascade(
    axes: Axes, facts: Facts, rows: Sequence[TimedCase], style: Mapping[str, Any]
) -> None:
    own = [r for r in rows if (r.case.target, r.case.role) == (facts.name, "cascade")]
    if not own or facts.cascade_top1 is None:
        return
    best, top1 = min(own, key=lambda row: row.latency.per_image_ms), 100 * facts.cascade_top1
    label = (
        f"{facts.short}, cascade: {top1:.2f} %, {short_number(best.case.share * facts.macs)} MACs"
    )
    area = best.case.share * style["s"]
    axes.scatter(best.latency.per_image_ms, top1, label=label, **{**style, "s": area})


def draw_cases(axes: Axes, rows: Sequence[TimedCase], targets: Sequence[Facts]) -> None:
    """A point and its interquartile range for every case; ceilings are not filled."""
    labels: list[str] = []
    for facts, (colour, marker) in zip(targets, styles(), strict=False):
        for row in (row for row in rows if row.case.target == facts.name):
            latency, together = row.latency, row.case.role in ("together", "cascade")
            axes.errorbar(
                latency.per_image_ms,
                len(labels),
                xerr=latency.spread_ms / latency.batch_size / 2,
                fmt=marker,
                color=colour,
                markerfacecolor=colour if together else "none",
                label=facts.short if row.case.is_plain_loop else None,
            )
            labels.append(_cells(row)[0])
    axes.set_yticks(range(len(labels)), labels, fontsize=7)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.grid(axis="x", color="0.9")
