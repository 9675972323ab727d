"""Every measurement that needs a GPU, the most telling first: ``python benchmarks/gpu.py``.

About 30 minutes of one GPU for all but the last, ``accuracy``, which goes on where it was stopped.
What has ended is not measured again: ``results/gpu/NAME.json`` holds its command, machine, versions
and numbers. At the end a line says of each target what was measured and whether it is met, and
``GPU.md`` and ``docs/speed.md`` get the same as a table.

    python benchmarks/gpu.py --minutes 30
    python benchmarks/gpu.py --only auto --again
    python benchmarks/gpu.py --tiny --records tried --runs tried/runs  # a CPU: whether it runs
"""

import argparse
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from common import RESULTS, versions
from gpu_measurements import MEASUREMENTS, Finding, Measurement

from cotrain.basics.files import atomic_write, write_json
from cotrain.basics.machine import Machine, hardware

ROOT = Path(__file__).resolve().parent.parent
TABLES = (ROOT / "benchmarks" / "GPU.md", ROOT / "docs" / "speed.md")
BEGIN, END = "<!-- begin: measured on a GPU -->", "<!-- end: measured on a GPU -->"


def command_of(measurement: Measurement, folder: Path, *, tiny: bool) -> list[str]:
    """The command line of a measurement that writes into the folder."""
    options = measurement.tiny if tiny else measurement.options
    words = shlex.split(options.format(folder=folder, device="cpu" if tiny else "cuda"))
    if measurement.program.endswith(".py"):
        return [sys.executable, str(ROOT / "benchmarks" / measurement.program), *words]
    return [sys.executable, "-m", measurement.program, *words]


def measure(
    measurement: Measurement, options: argparse.Namespace, seconds: float
) -> dict[str, Any] | str:
    """Run a measurement; its record, or in words why there is none."""
    folder = options.runs / measurement.name
    folder.mkdir(parents=True, exist_ok=True)
    command, start = command_of(measurement, folder, tiny=options.tiny), time.monotonic()
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.terminate()  # what can go on later saves its state
            process.wait()
            return f"stopped after {seconds / 60:.0f} minutes"
    if code:
        return f"failed with exit code {code}"
    text = (folder / measurement.leaves).read_text() if measurement.leaves else "{}"
    left = json.loads(_from_root(text))
    return {
        "command": _from_root(shlex.join(["python", *command[1:]])),
        "seconds": time.monotonic() - start,
        "machine": asdict(hardware()),
        "versions": versions(),
        "findings": [finding._asdict() for finding in measurement.judge(left)],
        "result": left,
    }


def _from_root(text: str) -> str:
    """Without where this checkout lies: a record is of any machine's."""
    return text.replace(f"{ROOT}/", "")


def known(measurement: Measurement, records: Path) -> dict[str, Any] | None:
    """The record of a measurement that has ended."""
    path = records / f"{measurement.name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def findings(record: dict[str, Any]) -> Iterator[Finding]:
    """What a record says."""
    yield from (Finding(**each) for each in record["findings"])


def table(records: Path) -> str:
    """All measurements as a table: those that are still to be made, too."""
    rows = ["| what | target | measured | |", "|---|---|---|---|"]
    for each in MEASUREMENTS:
        record = known(each, records)
        if record is None:
            rows.append(f"| {each.shows} | | not yet measured | |")
            continue
        machine = Machine(**record["machine"])
        rows += [
            f"| {each.shows} | {found.target} | {found.measured} ({machine.gpu or machine.cpu}) "
            f"| {found.verdict} |"
            for found in findings(record)
        ]
    return "\n".join(rows)


def fill(path: Path, content: str) -> None:
    """Put the table between the two marks of a page."""
    before, rest = path.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    text = f"{before}{BEGIN}\n{content}\n{END}{after}"
    atomic_write(path, text.encode())


def said(records: Path) -> Iterator[str]:
    """A line for every target."""
    for each in MEASUREMENTS:
        record = known(each, records)
        if record is None:
            yield f"{each.name}: not yet measured"
            continue
        for found in findings(record):
            target = f"{found.target}: " if found.target else ""
            verdict = f": {found.verdict}" if found.verdict else ""
            yield f"{each.name}: {target}{found.measured}{verdict}"


def parsed(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Every measurement that needs a GPU.")
    names = [each.name for each in MEASUREMENTS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="these alone")
    parser.add_argument("--again", action="store_true", help="measure what is measured, too")
    parser.add_argument("--minutes", type=float, default=30, help="begin nothing that takes longer")
    parser.add_argument("--records", type=Path, default=RESULTS / "gpu", help="where records are")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "gpu", help="for its files")
    parser.add_argument("--tiny", action="store_true", help="on a CPU, to see whether it runs")
    return parser.parse_args(words)


def wanted(options: argparse.Namespace) -> Iterator[Measurement]:
    """What is asked for, and not known yet."""
    for each in MEASUREMENTS:
        new = options.again or known(each, options.records) is None
        if each.name in options.only and new and (each.tiny or not options.tiny):
            yield each


def main(words: Sequence[str] | None = None) -> int:
    """Measure what is wanted and fits; returns how many measurements failed."""
    options, failed = parsed(words), 0
    if options.tiny and options.records == RESULTS / "gpu":
        sys.exit("--tiny measures nothing: give --records another folder")
    if not options.tiny and hardware().gpu is None:
        sys.exit("there is no GPU: --tiny tries the way on a CPU")
    ends = time.monotonic() + 60 * options.minutes
    for each in wanted(options):
        left = ends - time.monotonic()
        if left < 60 * each.minutes and not (each.resumes or options.tiny):
            print(f"{each.name}: takes about {each.minutes:.0f} minutes, {left / 60:.0f} are left")
            continue
        found = measure(each, options, max(left, 1))
        if isinstance(found, str):
            failed += found.startswith("failed")
            print(f"{each.name}: {found}", flush=True)
        else:
            write_json(options.records / f"{each.name}.json", found)
    for line in said(options.records):
        print(line)
    if not options.tiny:
        for page in TABLES:
            fill(page, table(options.records))
    return failed


if __name__ == "__main__":
    sys.exit(main())
