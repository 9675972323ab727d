"""Any network, divided: how many of a list of networks are, how well, and why the others are not.

Every network has a process of its own, with limits of time and memory. Run on networks that were
not looked at during development, on code that no longer changes:

    python benchmarks/any_network.py --sample unseen --seed 0 --into 2,4 --jobs 2

or on given ones (``any_network.py timm:resnet50 torchvision:vgg11``, ``--file NAMES``). What was
measured is kept in ``results/any_network.jsonl`` as it comes; the same command goes on where it
was stopped, and ends with ``results/any_network.json``. ``--table FILE`` prints its tables.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib.metadata import version
from pathlib import Path
from typing import Any

from any_network_sample import draw_unseen, read_names
from any_network_table import summarize, table
from common import RESULTS, write_results

import cotrain

HERE = Path(__file__).parent
LIMITS = ("seconds", "memory_gb", "max_params", "export")
Record = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    if options.table:
        print(table(json.loads(options.table.read_text(encoding="utf-8"))))
        return
    protocol = protocol_of(options)
    journal = RESULTS / f"{options.results}.jsonl"
    records = begin(journal, protocol)
    done = {(each["network"], each["into"]) for each in records}
    with journal.open("a", encoding="utf-8") as file:
        for record in measure(protocol, done, options.jobs):
            records.append(record)
            file.write(json.dumps(record) + "\n")
            file.flush()
            told = f"{record['network']} S={record['into']}: {record['outcome']}"
            print(f"[{len(records)}] {told} {record.get('reason', '')}"[:160], flush=True)
    order = {name: place for place, name in enumerate(protocol["networks"])}
    records.sort(key=lambda each: (order[each["network"]], each["into"]))
    results = {
        "protocol": protocol,
        "frozen": code_digest() == protocol["code"],
        "summary": summarize(records),
        "records": records,
    }
    path = write_results(options.results, results)
    print(f"{table(results)}\nwritten to {path}")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("networks", nargs="*", help="such as timm:resnet50, torchvision:vgg11, hf:vit")
    add("--file", type=Path, help="further networks, one a line")
    add("--sample", choices=["unseen"], help="draw networks that are not in --seen")
    add("--seed", type=int, default=0, help="of the draw")
    add("--seen", type=Path, default=HERE / "any_network_seen.txt")
    add("--into", default="2,4", help="S, or several")
    add("--jobs", type=int, default=1, help="processes at once, of one thread each")
    add("--seconds", type=float, default=180, help="for one network and one S, checks and all")
    add("--memory-gb", type=float, default=8, help="for one process, beside its libraries")
    add("--max-params", type=int, default=400_000_000, help="larger networks are not checked")
    add("--export", action="store_true", help="check torch.export as well")
    add("--results", default="any_network", help="name of the files in results/")
    add("--table", type=Path, metavar="FILE", help="only print the tables of a results file")
    return parser.parse_args(arguments)


def protocol_of(options: argparse.Namespace) -> Record:
    """All that the outcome depends on; a run is resumed only under the same."""
    names = [*options.networks, *(read_names(options.file) if options.file else [])]
    drawn = {}
    if options.sample:
        seen = read_names(options.seen)
        names += draw_unseen(set(seen), options.seed)
        drawn = {"sample": options.sample, "seed": options.seed, "seen": seen}
    return {
        **limits_of(vars(options)),
        "into": [int(each) for each in options.into.split(",")],
        "code": code_digest(),
        "transformers": version("transformers"),
        **drawn,
        "networks": list(dict.fromkeys(names)),
    }


def code_digest() -> str:
    """Digest of the package's code and of this benchmark's: a frozen run has one."""
    files = [*Path(cotrain.__file__).parent.rglob("*.py"), *HERE.glob("any_network*.py")]
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def begin(journal: Path, protocol: Record) -> list[Record]:
    """The records that an earlier run left; the first line of the file is its protocol."""
    if not journal.exists():
        journal.parent.mkdir(parents=True, exist_ok=True)
        journal.write_text(json.dumps(protocol) + "\n", encoding="utf-8")
        return []
    first, *lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    before = json.loads(first)
    changed = [key for key in protocol | before if protocol.get(key) != before.get(key)]
    if changed:
        sys.exit(f"{journal} was begun with other {', '.join(changed)}: give another --results")
    whole = [line for line in lines if line.endswith("\n")]  # the last may be cut
    journal.write_text("".join([first, *whole]), encoding="utf-8")
    return [json.loads(line) for line in whole]


def measure(protocol: Record, done: set[tuple[str, int]], jobs: int) -> Iterator[Record]:
    """The records of all networks and S that are not done, as they come."""
    with ThreadPoolExecutor(jobs) as pool:
        waiting = [
            pool.submit(measure_network, name, missing, protocol)
            for name in protocol["networks"]
            if (missing := [into for into in protocol["into"] if (name, into) not in done])
        ]
        try:
            for finished in as_completed(waiting):
                yield from finished.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def measure_network(name: str, into: Sequence[int], protocol: Record) -> list[Record]:
    """The records of one network; what ended its process is the outcome of the S it was at."""
    found: dict[int, Record] = {}
    while missing := [S for S in into if not found.get(S, {}).get("ended")]:
        output, reason = run_process({"network": name, "into": missing, **limits_of(protocol)})
        found |= {record["into"]: record for record in map(json.loads, output)}
        for S in missing:
            if not found.get(S, {}).get("ended"):
                blank = {"network": name, "into": S, "checks": {}}
                found[S] = stopped(found.get(S, blank), reason) | {"ended": True}
                break
    return [found[S] for S in into]


def limits_of(protocol: Record) -> Record:
    return {name: protocol[name] for name in LIMITS}


def run_process(asked: Record) -> tuple[list[str], str]:
    """The whole lines that a process printed, and what ended it if it did not finish."""
    command = [sys.executable, HERE / "any_network_model.py", json.dumps(asked)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    reason = ""
    try:
        output, errors = process.communicate(timeout=asked["seconds"] * len(asked["into"]))
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        reason = f"timeout: {asked['seconds']:g} s"
    if process.returncode and not reason:
        last = (errors.strip().splitlines() or [""])[-1]
        reason = f"memory: killed ({last})" if process.returncode == -9 else f"crashed: {last}"
    reason = reason or "crashed: it ended without a record"
    lines = output.splitlines(keepends=True)
    return [line for line in lines if line.endswith("\n")], reason


def stopped(record: Record, reason: str) -> Record:
    """The record of an S whose process ended early.

    An accepted division stands, unless it crashed: the checks that are missing were not run.
    """
    kind = reason.partition(":")[0]
    if "mechanism" in record and kind != "crashed":
        return {**record, "stopped": reason}
    return {**record, "outcome": kind, "reason": reason}


if __name__ == "__main__":
    main()
