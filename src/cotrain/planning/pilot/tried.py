"""What became of one candidate in a pilot, and how long its big run would take."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cotrain.comparison.accuracy.budget import known_seconds, last_end
from cotrain.comparison.accuracy.run import Run
from cotrain.comparison.accuracy.statistics import Spread, spread
from cotrain.ensemble.cost import Cost, cost_of
from cotrain.ensemble.ensemble import Ensemble
from cotrain.planning.pilot.in_words import Extent


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One candidate.

    Args:
        name: As it is shown.
        into: S.
        cost: Params and MACs.
        error: Error on the held-out images in percent.
        errors: The same of every seed.
        seconds: Median time of a run; None where each was interrupted.
        big_seconds: About what its big run takes with one seed, epochs being as long; likewise.
    """

    name: str
    into: int
    cost: Cost
    error: Spread
    errors: tuple[float, ...]
    seconds: float | None
    big_seconds: float | None


def tried_candidate(runs: Sequence[Run], errors: np.ndarray, extent: Extent) -> Tried:
    """The candidate of these runs.

    Args:
        runs: One for every seed, finished.
        errors: 100 where an answer is wrong, else 0 [K, N].
        extent: How much was seen of the big run.
    """
    name, into = runs[0].candidate, runs[0].experiment.into
    seconds = known_seconds(runs).get(name)
    return Tried(
        name=name,
        into=into,
        cost=cost_of(Ensemble.load(runs[0].folder.ensemble)),
        error=spread(errors.mean(1)),
        errors=tuple(errors.mean(1).tolist()),
        seconds=seconds,
        big_seconds=None if seconds is None else seconds * extent.of_epochs / extent.epochs,
    )


def seconds_together(seconds: Sequence[float | None], seeds: int, jobs: int) -> float | None:
    """How long runs of every candidate with every seed take; None where one is not known.

    Args:
        seconds: Of a run of each candidate.
        seeds: K.
        jobs: Runs at a time.
    """
    known = [each for each in seconds if each is not None]
    return last_end(known * seeds, jobs) if len(known) == len(seconds) else None
