"""The tables of the benchmark of any network: what was divided, how well, and each failure."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from statistics import median
from typing import Any

Record = Mapping[str, Any]
# MACs that are not the budget may be off by this share before the package warns.
EQUAL_COST = 0.15


def summarize(records: Sequence[Record]) -> dict[str, dict[str, Any]]:
    """By S: outcomes, [divided, all] of each source, mechanisms, seconds, ratios, checks."""
    into = sorted({each["into"] for each in records})
    return {f"S={S}": _summary([each for each in records if each["into"] == S]) for S in into}


def _summary(records: Sequence[Record]) -> dict[str, Any]:
    divided = [each for each in records if each["outcome"] == "divided"]
    accepted = [each for each in records if "mechanism" in each]
    equal = [abs(each["MACs"] - 1) <= EQUAL_COST for each in divided if "MACs" in each]
    sources = ["all", *dict.fromkeys(map(_source, records))]
    checks = dict.fromkeys(name for each in accepted for name in each["checks"])
    return {
        "outcomes": dict(Counter(each["outcome"] for each in records)),
        "divided": {
            source: [_count(divided, source), _count(records, source)] for source in sources
        },
        "stopped": sum("stopped" in each for each in records),
        "mechanisms": dict(Counter(each["mechanism"] for each in divided)),
        "seconds": _median_p90([each["seconds"] for each in records if "seconds" in each]),
        "cpu seconds": _median_p90(
            [each["cpu seconds"] for each in records if "cpu seconds" in each]
        ),
        "params": _extent([each["params"] for each in divided]),
        "unevenness": _extent([each["unevenness"] for each in divided]),
        "equal MACs": [sum(equal), len(equal)],
        "checks": {
            name: dict(Counter(_verdict(each["checks"].get(name)) for each in accepted))
            for name in checks
        },
    }


def table(results: Mapping[str, Any]) -> str:
    """The results as Markdown, for the docs."""
    by_into = summarize(results["records"])
    sections = [
        _markdown(["", *by_into], _rows(by_into)),
        "Checks of the divided networks: passed / failed / not run.",
        _markdown(["check", *by_into], _check_rows(by_into)),
    ]
    failures = [row for each in results["records"] if (row := _failure(each))]
    if failures:
        sections += [
            "Every failure:",
            _markdown(["network", "S", "outcome", "reason"], failures),
        ]
    if not results["frozen"]:
        sections.append("The code was changed while this ran: these numbers are of no one version.")
    return "\n\n".join(sections) + "\n"


def _rows(by_into: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    def row(title: str, cell: Callable[[Mapping[str, Any]], str]) -> list[str]:
        return [title, *(cell(each) for each in by_into.values())]

    sources = dict.fromkeys(source for each in by_into.values() for source in each["divided"])
    return [
        *(
            row(f"divided, {source}", lambda each, source=source: _share(each["divided"][source]))
            for source in sources
        ),
        *(
            row(f"by {name}", lambda each, name=name: str(each["mechanisms"].get(name, 0)))
            for name in ("constructor", "structural")
        ),
        row("silently wrong", lambda each: str(each["outcomes"].get("wrong function", 0))),
        row("checks stopped by a limit", lambda each: str(each["stopped"])),
        row("seconds, median / p90", lambda each: _pair(each["seconds"], " / ")),
        row("CPU seconds, median / p90", lambda each: _pair(each["cpu seconds"], " / ")),
        row("params ratio", lambda each: _pair(each["params"], " to ")),
        row("unevenness", lambda each: _pair(each["unevenness"], " to ")),
        row("MACs within 15 %", lambda each: _share(each["equal MACs"])),
    ]


def _check_rows(by_into: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    names = dict.fromkeys(name for each in by_into.values() for name in each["checks"])
    kinds = ("passed", "failed", "not run")
    return [
        [name]
        + [
            " / ".join(str(each["checks"].get(name, {}).get(kind, 0)) for kind in kinds)
            for each in by_into.values()
        ]
        for name in names
    ]


def _failure(record: Record) -> list[str] | None:
    """A row for a network that was not divided, or divided but failed a check."""
    outcome, reason = record["outcome"], record.get("reason", "")
    if outcome == "divided":
        failed = {name: each for name, each in record["checks"].items() if _failed(each)}
        if not failed:
            return None
        outcome = "divided, but"
        reason = "; ".join(f"{name} {each}" for name, each in failed.items())
    return [record["network"], str(record["into"]), outcome, reason.replace("|", "\\|")]


def _failed(check: str) -> bool:
    return _verdict(check) == "failed"


def _verdict(check: str | None) -> str:
    return (check or "not run").partition(":")[0]


def _source(record: Record) -> str:
    return record["network"].partition(":")[0]


def _count(records: Sequence[Record], source: str) -> int:
    return sum(source in ("all", _source(each)) for each in records)


def _median_p90(numbers: Sequence[float]) -> list[float]:
    """Median and 90th percentile (the smallest number that 90 % do not exceed)."""
    if not numbers:
        return []
    return [median(numbers), sorted(numbers)[ceil(0.9 * len(numbers)) - 1]]


def _extent(numbers: Sequence[float]) -> list[float]:
    return [min(numbers), max(numbers)] if numbers else []


def _share(part: Sequence[int]) -> str:
    some, whole = part
    return f"{some} of {whole} ({some / whole:.1%})" if whole else "none"


def _pair(numbers: Sequence[float], between: str) -> str:
    return between.join(f"{each:.2f}" for each in numbers) or "none"


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
