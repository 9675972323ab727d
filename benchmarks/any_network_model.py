"""One network of the benchmark of any network: it is divided, judged and checked, in one process.

Run by ``any_network.py``, which watches the time: the record of one S is printed as a line of
JSON whenever there is more of it, so that what was found survives the end of the process.
"""

import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from any_network_checks import CHECKS, OF_FUNCTION, Check
from any_network_subject import Subject

import cotrain
from cotrain import ConfigError
from cotrain.dividing import divide_spec
from cotrain.dividing.any_network.goal import MOST_UNEVEN, unevenness
from cotrain.dividing.division import network_cost
from cotrain.networks import ForeignSpec, build
from cotrain.networks.meta import on_meta
from cotrain.networks.registry import named_spec

TOLERANCE = 0.05
Record = dict[str, Any]


def judge(
    large: ForeignSpec,
    into: int,
    *,
    max_params: int,
    export: bool,
    tell: Callable[[Record], None] = lambda _: None,
) -> Record:
    """What dividing a network came to: costs, seconds, checks and the class of the outcome.

    Args:
        large: Spec of the large network.
        into: S.
        max_params: A larger network is divided, but not built and checked.
        export: Whether ``torch.export`` is checked.
        tell: Given the record whenever there is more of it.
    """
    record: Record = {"network": large.arch, "into": into, "checks": {}, "check seconds": {}}
    try:
        whole = on_meta(lambda: build(large))
        record["large params"] = count(whole)
        subject, small = _divided(large, into, record, built=count(whole) <= max_params)
        network = subject.first if subject else on_meta(lambda: build(small))
        _measure(whole, network, large.num_classes, record)
        record |= {"mechanism": small.mechanism, **_macs(large, small, into)}
    except BaseException as error:
        record |= _failure(error)
        tell(record)
        return record
    _check(subject, record, export, tell)
    return record


def _check(
    subject: Subject | None, record: Record, export: bool, tell: Callable[[Record], None]
) -> None:
    """Put what every check says into the record, with its CPU seconds."""
    for name, check in CHECKS.items():
        if name == "export" and not export:
            continue
        tell(record)
        start = time.process_time()
        said = _checked(check, subject) if subject else "not run: the network is too large"
        record["checks"][name] = said
        record["check seconds"][name] = round(time.process_time() - start, 3)
        if name in OF_FUNCTION and said.startswith("failed"):
            reasons = [record["reason"]] if "reason" in record else []
            reason = "; ".join([*reasons, f"{name} {said}"])
            record |= {"outcome": "wrong function", "reason": reason}
    if subject:
        record["spread"] = subject.spread


def count(network: torch.nn.Module) -> int:
    """Trainable parameters, counted here and not by the package."""
    return sum(each.numel() for each in network.parameters() if each.requires_grad)


def _divided(
    large: ForeignSpec, into: int, record: Record, *, built: bool
) -> tuple[Subject | None, ForeignSpec]:
    """Divide as a user does; a network too large to be built by its spec alone."""
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        if not built:
            small = divide_spec(large, into)
            assert isinstance(small, ForeignSpec)
            return None, small
        subject = Subject(large=large, ensemble=cotrain.divide(large, into, seed=0))
        return subject, subject.small
    finally:
        record["seconds"] = round(time.perf_counter() - wall, 3)
        record["cpu seconds"] = round(time.process_time() - cpu, 3)


def _measure(
    whole: torch.nn.Module, network: torch.nn.Module, classes: int, record: Record
) -> None:
    """Costs and uniformity, and whether the division keeps what it promises."""
    params = record["into"] * count(network) / count(whole)
    uneven = unevenness(whole, network, classes)
    record |= {"params": params, "unevenness": uneven, "outcome": "divided"}
    if abs(params - 1) > TOLERANCE:
        record |= {"outcome": "out of budget", "reason": f"{params:.3f} times the params"}
    elif uneven > MOST_UNEVEN:
        record |= {"outcome": "not uniform", "reason": f"unevenness {uneven:.2f}"}


def _macs(large: ForeignSpec, small: ForeignSpec, into: int) -> Record:
    """MACs of all S over those of the large network; they are reported, not the budget."""
    try:
        return {"MACs": into * network_cost(small).macs / network_cost(large).macs}
    except Exception as error:  # counting runs the network: ``forward`` judges that
        return {"MACs not counted": _one_line(error)}


def _failure(error: BaseException) -> Record:
    """The class of an error, and its text."""
    if isinstance(error, KeyboardInterrupt):
        raise error
    kind = "refused" if isinstance(error, ConfigError) else "crashed"
    if _is_memory(error):
        kind = "memory"
    return {"outcome": kind, "reason": _one_line(error)}


def _checked(check: Check, subject: Subject) -> str:
    try:
        return check(subject)
    except Exception as error:
        if _is_memory(error):
            return "not run: out of memory"
        return f"failed: {_one_line(error)}"


def _is_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or "can't allocate memory" in str(error)


def _one_line(error: BaseException) -> str:
    """An error's text; of one that is not for users also its type and place."""
    text = " ".join(str(error).split())
    if isinstance(error, ConfigError):
        return text
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(last.filename).name}:{last.lineno}"
    return f"{type(error).__name__} at {place}: {text}"[:400]


def limit_memory(gigabytes: float) -> None:
    """Let this process allocate so much more than it has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + int(gigabytes * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def main() -> None:
    """``any_network_model.py {"network": ..., "into": [...], ...}``: see ``judge``."""
    asked = json.loads(sys.argv[1])
    records = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # some networks print when they are built

    def tell(record: Record) -> None:
        print(json.dumps(record), file=records, flush=True)

    torch.set_num_threads(1)
    limit_memory(asked["memory_gb"])
    for into in asked["into"]:
        try:
            large: Any = named_spec(asked["network"])
        except Exception as error:
            record = {"network": asked["network"], "into": into, "checks": {}, **_failure(error)}
        else:
            options = {name: asked[name] for name in ("max_params", "export")}
            record = judge(large, into, **options, tell=tell)
        tell({**record, "ended": True})


if __name__ == "__main__":
    main()
