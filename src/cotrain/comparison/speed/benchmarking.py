"""Time every case of every target: all cases of one batch size take turns."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

import torch
from rich.console import Console
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.machine import hardware
from cotrain.comparison.speed.cases import ceilings, large_cases, own_cases, ready, staged_pass
from cotrain.comparison.speed.processes import Processes, Work
from cotrain.comparison.speed.records import Benchmark, Case, Condition, Refusal, TimedCase
from cotrain.comparison.speed.staged import staged_cases
from cotrain.comparison.speed.targets import BenchmarkTarget
from cotrain.comparison.speed.verdicts import judged, slowest_alone, verdicts
from cotrain.ensemble.ensemble import Ensemble
from cotrain.execution.timing import WARM_UP, Latency, seconds_of, take_turns


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is asked for.

    Args:
        batch_sizes: Each B.
        strategies: Names of strategies, and ``auto``.
        levels: Accelerations: ``none``, ``light``, ``compile``, ``bf16``, ``fp16``.
        device: ``cpu`` or ``cuda``.
        rounds: Timed passes of every case.
    """

    batch_sizes: Sequence[int] = (1, 16, 64, 100)
    strategies: Sequence[str] = ("loop",)
    levels: Sequence[str] = ("none", "light")
    device: str = "cpu"
    rounds: int = 20


def benchmark(targets: Sequence[BenchmarkTarget], plan: Plan) -> Benchmark:
    """Time the targets: warm-up first, GPU waited for, no loading of data.

    Args:
        targets: Ensembles are moved to the plan's device.
        plan: How.

    Raises:
        ConfigError: Numbers below 1, or a network that does not work even in the plain loop.
    """
    for name, values in (("batch", plan.batch_sizes), ("rounds", [plan.rounds])):
        if min(values) < 1:
            raise ConfigError(f"{name}={min(values)} is below 1: give at least 1")
    rows: list[TimedCase] = []
    refused: list[Refusal] = []
    console = Console(stderr=True)
    for target in targets:
        if isinstance(target.source, Ensemble):
            target.source.to(plan.device)
    with ExitStack() as stack:
        processes = _processes(targets, plan.device, stack)
        for batch_size in plan.batch_sizes:
            with console.status(f"measuring batch {batch_size} on {plan.device}"):
                turn = _Turn(batch_size=batch_size, plan=plan, processes=processes)
                rows += turn.rows(targets)
                refused += turn.refused
    facts = {target.facts.name: target.facts for target in targets}
    return Benchmark(
        targets=tuple(facts.values()),
        rows=tuple(rows := judged(rows, facts)),
        verdicts=tuple(verdicts(rows, facts)),
        refused=tuple(refused),
        machine=hardware(),
        device=plan.device,
        threads=torch.get_num_threads(),
        rounds=plan.rounds,
        warm_up=WARM_UP,
    )


def _processes(
    targets: Iterable[BenchmarkTarget], device: str, stack: ExitStack
) -> dict[str, Processes]:
    """S processes for every ensemble of several networks, which share the threads.

    Ensembles of the same kind have the same processes.
    """
    found: dict[str, Processes] = {}
    for target in targets:
        into = target.facts.into
        if not isinstance(target.source, Ensemble) or into == 1:
            continue
        threads = max(1, torch.get_num_threads() // into)
        specs = tuple(member.network for member in target.source.spec.members)
        work = Work(networks=specs, threads=threads, device=device)
        same = (each for each in found.values() if each.work == work)
        found[target.facts.name] = next(same, None) or stack.enter_context(Processes(work))
    return found


@dataclass(kw_only=True)
class _Turn:
    """One batch size: the passes that take turns, and what was refused.

    Args:
        batch_size: B.
        plan: How.
        processes: Those of each ensemble, by its name.
    """

    batch_size: int
    plan: Plan
    processes: Mapping[str, Processes]
    passes: dict[Case, Callable[[], float]] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)

    def rows(self, targets: Sequence[BenchmarkTarget]) -> list[TimedCase]:
        """The times of all cases that are possible; of networks alone, those of the slowest."""
        with ExitStack() as stack, torch.inference_mode():
            conditions: dict[str, dict[Condition, None]] = {}
            for target in sorted(targets, key=lambda each: -each.facts.into):
                known = conditions.setdefault(target.facts.large, {})
                self._add_target(target, known, stack)
            times = take_turns(self.passes, self.plan.rounds)
        rows = [
            TimedCase(case=case, latency=Latency.of(case.target, self.batch_size, seconds))
            for case, seconds in times.items()
        ]
        return slowest_alone(rows)

    def _add_target(
        self, target: BenchmarkTarget, conditions: dict[Condition, None], stack: ExitStack
    ) -> None:
        """Its own cases, then those that these have to be compared with."""
        plan = self.plan
        images = torch.randn(self.batch_size, *target.facts.image_shape, device=plan.device)
        own = own_cases(target, plan.strategies, plan.levels, images)
        possible = [case for case in own if self._add(target, case, images, stack)]
        if not isinstance(target.source, Ensemble):
            return
        for case in dict.fromkeys(staged_cases(possible, target.source, target.sample)):
            self._add(target, case, images, stack)
        if target.facts.into == 1:
            others = large_cases(target, conditions)
        else:
            found = dict.fromkeys(case.condition for case in possible)
            conditions.update(found)
            others = ceilings(target, found)
        for case in others:
            if case not in self.passes:
                self._add(target, case, images, stack)

    def _add(self, target: BenchmarkTarget, case: Case, images: Tensor, stack: ExitStack) -> bool:
        """Make the case take part, if it is possible."""
        try:
            if case.role == "processes":
                processes = self.processes[case.target]
                processes.prepare(case, images.shape)
                once = partial(processes.seconds, case)
            elif case.role == "cascade":
                once = staged_pass(target, case, images, stack)
            else:
                once = partial(seconds_of, ready(target, case, images, stack), images.device)
        except ConfigError as error:
            if case.is_plain_loop:
                raise
            self.refused.append(Refusal(case=case, batch_size=self.batch_size, reason=str(error)))
            return False
        self.passes[case] = once
        return True
