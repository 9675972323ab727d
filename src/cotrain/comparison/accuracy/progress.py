"""How far the runs of a comparison are, and when they will be done."""

from collections.abc import Mapping, Sequence
from statistics import mean
from time import monotonic

from cotrain.basics.text import duration
from cotrain.comparison.accuracy.budget import known_seconds, last_end
from cotrain.comparison.accuracy.run import Run


class Progress:
    """Watches runs from outside, by what their folders hold.

    Args:
        runs: All, in the order in which they are trained.
        seconds: How long a run of a candidate takes, of those that are known.
        jobs: Runs at a time.
    """

    def __init__(self, runs: Sequence[Run], seconds: Mapping[str, float], jobs: int) -> None:
        self._runs = tuple(runs)
        self._seconds = dict(seconds)
        self._jobs = jobs
        # When a running run was first looked at, and what share of it was done by then.
        self._first_seen: dict[str, tuple[float, float]] = {}

    def finished(self, run: Run) -> str:
        """Which place a run that has ended has among all."""
        self._seconds |= known_seconds([each for each in self._runs if _same(each, run)])
        done = sum(each.folder.evaluation.exists() for each in self._runs)
        return f"{done} of {len(self._runs)}"

    def line(self) -> str:
        """Finished runs, epochs of the running ones, and the time that is left."""
        waiting = self._unfinished()
        done = f"{len(self._runs) - len(waiting)} of {len(self._runs)} done"
        running = [run for run in waiting if run.folder.config.exists()]
        epochs = [f"{run} epoch {run.folder.epochs_done()} of {run.epochs}" for run in running]
        return "; ".join([done, *epochs]) + self.time_left()

    def time_left(self) -> str:
        """How long all will take, to be said after something else; nothing where nobody knows."""
        waiting = self._unfinished()
        taken = {run.candidate: self._takes(run) for run in waiting}
        known = [each for each in (*self._seconds.values(), *taken.values()) if each is not None]
        if not known or not waiting:
            return ""
        # Candidates cost about the same, so the others stand for one of which nothing is known.
        usual = mean(known)
        waits = [(taken[run.candidate] or usual) * (1 - run.share_done) for run in waiting]
        return f"; about {duration(last_end(waits, self._jobs))} left"

    def _unfinished(self) -> list[Run]:
        return [run for run in self._runs if not run.folder.evaluation.exists()]

    def _takes(self, run: Run) -> float | None:
        """Seconds of a run: as others of its candidate took, or as fast as it was while watched."""
        if run.candidate in self._seconds:
            return self._seconds[run.candidate]
        now, share = monotonic(), run.share_done
        begun, before = self._first_seen.setdefault(str(run), (now, share))
        return (now - begun) / (share - before) if share > before else None


def _same(one: Run, other: Run) -> bool:
    return one.candidate == other.candidate
