"""What the times say: ratios to the large network and the plain loop, ceilings, the best way."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import get_args

from cotrain.comparison.speed.records import Facts, TimedCase, Verdict
from cotrain.config.export import Format


def slowest_alone(rows: Sequence[TimedCase]) -> list[TimedCase]:
    """The rows, but of each ensemble's networks alone in one condition only the slowest."""
    slowest: dict[object, TimedCase] = {}
    for row in rows:
        case = row.case
        key = (case.target, case.role, case.condition) if case.role == "alone" else case
        other = slowest.get(key)
        if other is None or row.latency.median_ms > other.latency.median_ms:
            slowest[key] = row
    return list(slowest.values())


def judged(rows: Sequence[TimedCase], facts: Mapping[str, Facts]) -> list[TimedCase]:
    """The rows with their ratios.

    Args:
        rows: Of all batch sizes.
        facts: Of all targets, by name.
    """
    return [_judged(row, rows, facts) for row in rows]


def _judged(row: TimedCase, rows: Sequence[TimedCase], facts: Mapping[str, Facts]) -> TimedCase:
    case = row.case
    if case.role not in ("together", "cascade"):
        return row
    beside = [other for other in rows if _comparable(other, row, facts)]
    large = [r for r in beside if _is_large(r, facts) and r.case.condition == case.condition]
    loops = [r for r in beside if r.case.into == case.into and r.case.is_plain_loop]
    loops.sort(key=lambda r: r.case.target != case.target)  # a file has none of its own
    return replace(row, against_large=_ratio(row, large), against_loop=_ratio(row, loops))


def _comparable(other: TimedCase, row: TimedCase, facts: Mapping[str, Facts]) -> bool:
    """Whether another row is of networks that answer together, of one large network and size."""
    return (
        other.case.role == "together"
        and facts[other.case.target].large == facts[row.case.target].large
        and other.latency.batch_size == row.latency.batch_size
    )


def _is_large(row: TimedCase, facts: Mapping[str, Facts]) -> bool:
    """Whether a row is of the large network, and not of one small one that answers alone."""
    own = facts[row.case.target]
    alone = (each for each in facts.values() if (each.large, each.into) == (own.large, 1))
    return own.into == 1 and own.params == max(each.params for each in alone)


def _ratio(row: TimedCase, others: Sequence[TimedCase]) -> float | None:
    return row.latency.median_ms / others[0].latency.median_ms if others else None


def verdicts(rows: Sequence[TimedCase], facts: Mapping[str, Facts]) -> Iterator[Verdict]:
    """One for every ensemble of several networks and every batch size that it was timed at."""
    timed = {(r.latency.batch_size, r.case.target) for r in rows if r.case.role == "together"}
    for batch_size in dict.fromkeys(row.latency.batch_size for row in rows):
        for name, each in facts.items():
            if each.into > 1 and (batch_size, name) in timed:
                yield _verdict(name, [r for r in rows if r.latency.batch_size == batch_size], facts)


def _verdict(name: str, rows: Sequence[TimedCase], facts: Mapping[str, Facts]) -> Verdict:
    own = [row for row in rows if row.case.target == name]
    best = min((r for r in own if r.case.role == "together"), key=_median)
    large = [r for r in rows if _is_large(r, facts) and _comparable(r, best, facts)]
    large = [r for r in large if _runtime(r) == _runtime(best)]
    ceiling = {r.case.role: _median(r) for r in own if r.case.condition == best.case.condition}
    processes = ceiling.get("processes")
    return Verdict(
        target=name,
        batch_size=best.latency.batch_size,
        best=best,
        against_large=_ratio(best, sorted(large, key=_median)),
        alone_ms=ceiling.get("alone"),
        processes_ms=processes,
        overhead=_median(best) / processes - 1 if processes else None,
    )


def _median(row: TimedCase) -> float:
    return row.latency.median_ms


def _runtime(row: TimedCase) -> str:
    """PyTorch, or a format of exported files: one is not compared with the other."""
    return row.case.level if row.case.level in get_args(Format) else "torch"
