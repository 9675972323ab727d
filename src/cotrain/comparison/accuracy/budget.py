"""What fits into a time: how long runs take, and with how many seeds all candidates are trained."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heapreplace
from itertools import groupby
from statistics import median

from cotrain.basics.errors import ConfigError
from cotrain.basics.text import duration
from cotrain.comparison.accuracy.run import Run

_ROOM = 1.1  # what is asked for where nothing fits: a little more than was measured


@dataclass(frozen=True, kw_only=True)
class TimeBudget:
    """A time for a comparison.

    Args:
        minutes: In all.
        spent: Seconds of it that are gone.
    """

    minutes: float
    spent: float


@dataclass(frozen=True, kw_only=True)
class SeedPlan:
    """What fits into a budget.

    Args:
        budget: The time.
        seconds: A run of every candidate takes about as long.
        jobs: Runs at a time.
        seeds: Those that every candidate is trained with.
        takes: Seconds until these are done, from now on.
        left_out: The other seeds.
        more: Seconds that these would take after them.
    """

    budget: TimeBudget
    seconds: Mapping[str, float]
    jobs: int
    seeds: tuple[int, ...]
    takes: float
    left_out: tuple[int, ...]
    more: float

    def __str__(self) -> str:
        seeds = _seeds(self.seeds)
        text = f"budget of {self.budget.minutes:g} min: {seeds} of every candidate"
        text += f" in about {duration(self.takes)} ({_each(self.seconds)}, {self.jobs} at a time)"
        if self.left_out:
            text += f"; left out: {_seeds(self.left_out)}, about {duration(self.more)} more"
        return text


def check_budget(minutes: float | None) -> None:
    """Raise ConfigError if it is no time."""
    if minutes is not None and not 0 < minutes < math.inf:
        raise ConfigError(f"budget_minutes={minutes:g} is no time: give minutes above 0")


def known_seconds(runs: Sequence[Run]) -> dict[str, float]:
    """The median time of every candidate's runs that were finished without interruption."""
    taken: dict[str, list[float]] = {}
    for run in runs:
        if run.folder.evaluation.exists() and run.seconds is not None:
            taken.setdefault(run.candidate, []).append(run.seconds)
    return {candidate: median(each) for candidate, each in taken.items()}


def last_end(seconds: Sequence[float], jobs: int) -> float:
    """When the last run ends, if each is begun, in order, as soon as one of the jobs is free."""
    free = [0.0] * jobs
    for each in seconds:
        heapreplace(free, free[0] + each)
    return max(free)


def plan_seeds(
    runs: Sequence[Run], seconds: Mapping[str, float], jobs: int, budget: TimeBudget
) -> SeedPlan:
    """As many seeds as fit, in their order; all candidates have all of them, so that they pair.

    Args:
        runs: All runs, seed after seed; finished ones take no time, and begun ones what is left.
        seconds: How long a run of every candidate takes.
        jobs: Runs at a time.
        budget: The time.

    Raises:
        ConfigError: The first seed does not fit.
    """
    waits: list[float] = []
    ends: dict[int, float] = {}
    for seed, of_seed in groupby(runs, lambda run: run.experiment.seed):
        open_runs = [run for run in of_seed if not run.folder.evaluation.exists()]
        waits += [seconds[run.candidate] * (1 - run.share_done) for run in open_runs]
        ends[seed] = last_end(waits, jobs) if open_runs else 0.0
    left = budget.minutes * 60 - budget.spent
    fits = tuple(seed for seed, end in ends.items() if end <= max(left, 0))
    if not fits:
        raise ConfigError(_too_small(next(iter(ends.items())), seconds, jobs, budget))
    takes = max(ends[seed] for seed in fits)
    return SeedPlan(
        budget=budget,
        seconds=seconds,
        jobs=jobs,
        seeds=fits,
        takes=takes,
        left_out=tuple(seed for seed in ends if seed not in fits),
        more=max(ends.values()) - takes,
    )


def _too_small(
    first: tuple[int, float], seconds: Mapping[str, float], jobs: int, budget: TimeBudget
) -> str:
    seed, takes = first
    smallest = math.ceil(_ROOM * (takes + budget.spent) / 6) / 10
    return (
        f"budget_minutes={budget.minutes:g} is too short for seed {seed} of every candidate, which "
        f"takes about {duration(takes)} ({_each(seconds)}, {jobs} at a time): give at least "
        f"{smallest:g}, fewer candidates or fewer epochs"
    )


def _each(seconds: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {duration(each)}" for name, each in seconds.items())


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
