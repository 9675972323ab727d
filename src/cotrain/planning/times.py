"""How long what could replace a large network takes to answer, measured."""

from dataclasses import replace

from cotrain.basics.machine import hardware
from cotrain.comparison.speed import Plan, benchmark, benchmark_target
from cotrain.ensemble.divide import divide
from cotrain.planning.shortlist import Shortlist

_PLAN = Plan(batch_sizes=(1,), levels=("none",))


def with_times(found: Shortlist, device: str = "cpu") -> Shortlist:
    """The same with the time of one image: every network is timed alone, in turns with the others.

    An alternative takes the sum of its networks' times, as they answer one after the other.

    Args:
        found: What to time, with fresh weights, on which times do not depend.
        device: ``cpu`` or ``cuda``.
    """
    networks = {each.name: each for row in found.alternatives for each in row.networks}
    targets = [
        benchmark_target(name, divide(each.spec, 1, seed=0)) for name, each in networks.items()
    ]
    result = benchmark(targets, replace(_PLAN, device=device))
    ms = {row.case.target: row.latency.median_ms for row in result.rows if row.case.is_plain_loop}
    rows = tuple(
        replace(row, ms=sum(ms[each.name] for each in row.networks)) for row in found.alternatives
    )
    return replace(found, alternatives=rows, machine=hardware(), device=device)
