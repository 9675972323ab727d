"""How the processes of a run share its batches: as those that began it, or as more or fewer of
them that go on with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.config import Experiment
from cotrain.data import Share
from cotrain.training.notices import say
from cotrain.training.resuming import earlier_version, has_ended


@dataclass(frozen=True, kw_only=True)
class Sharing:
    """What a step and an epoch are made of, which is the same for every number of processes.

    Args:
        whole: Whole batches that the training images make.
        begun: Processes that began the run.
        now: Processes that train it now.
        asked: ``optimizer.accumulate``: batches of a step on each of those that began.
    """

    whole: int
    begun: int = 1
    now: int = 1
    asked: int = 1

    @property
    def first(self) -> Share:
        """The share of the first process."""
        return Share(0, self.now, self.begun)

    @property
    def batches(self) -> int:
        """Batches of an epoch: whole rounds of the processes that began."""
        return self.whole // self.begun * self.begun

    @property
    def of_step(self) -> int:
        """Batches of an optimizer step: the global batch."""
        return self.begun * self.asked

    @property
    def steps(self) -> int:
        """Optimizer steps of an epoch; the last has the batches that are left."""
        return -(-self.batches // self.of_step)

    @property
    def accumulate(self) -> int:
        """Batches of a step on each process."""
        return max(self.of_step // self.now, 1)

    def check(self) -> None:
        """Raise ConfigError unless so many processes can share steps and epochs evenly."""
        if self.of_step % self.now or self.batches % self.now:
            able = [
                str(number)
                for number in range(1, self.of_step + 1)
                if self.of_step % number == 0 and self.batches % number == 0
            ]
            raise ConfigError(
                f"{_processes(self.now)} cannot go on with a run that {self.begun} began with "
                f"optimizer.accumulate={self.asked}, as {self.of_step} batches make a step and "
                f"{self.batches} an epoch: go on with {' or '.join(able)} (hardware.devices)"
            )

    def add_to(self, checkpoint: dict[str, Any]) -> None:
        """Have a state count as those that began the run would, whoever saves it."""
        checkpoint["cotrain"] |= {"steps_per_epoch": self.steps, "processes": self.begun}
        _recount(checkpoint, self.now, self.begun)

    def take_up(self, checkpoint: dict[str, Any]) -> None:
        """Have a state count as the processes that train now; ConfigError if images are missing."""
        before = checkpoint["cotrain"]["steps_per_epoch"]
        if before != self.steps:
            raise ConfigError(
                f"the run had {before} steps an epoch and would now have {self.steps}: "
                "resume it on as many images as before"
            )
        _recount(checkpoint, self.begun, self.now)

    def say(self) -> None:
        """Tell the user where each process has other batches than in the beginning."""
        if self.now != self.begun:
            say(
                f"going on with {_processes(self.now)}, not {self.begun}: optimizer.accumulate is "
                f"{self.accumulate}, not {self.asked}, so that a step has the same batches"
            )


def _processes(number: int) -> str:
    return "1 process" if number == 1 else f"{number} processes"


def sharing_of(
    experiment: Experiment, images: int, processes: int, state: Mapping[str, Any] | None
) -> Sharing:
    """How so many processes share the batches of a new run, or of one that is gone on with.

    Args:
        experiment: Its settings.
        images: How many are trained on.
        processes: How many train now.
        state: What the run goes on from; None for a new one.

    Raises:
        ConfigError: They cannot share the batches of those that began, or did so otherwise then.
    """
    own = {} if state is None else state["cotrain"]
    ended = state is not None and has_ended(own, experiment)
    if state is not None and "processes" not in own and processes > 1 and not ended:
        raise ConfigError(earlier_version(f"hardware.devices on {processes} processes"))
    sharing = Sharing(
        whole=images // experiment.batch_size,
        begun=own.get("processes", processes),
        now=processes,
        asked=experiment.optimizer.accumulate,
    )
    if ended:
        return sharing
    if experiment.hardware.sync_batch_norm and sharing.begun != processes:
        raise ConfigError(
            f"hardware.sync_batch_norm=true: the run normalises by the batches of {sharing.begun} "
            f"at once: go on with {_processes(sharing.begun)} (hardware.devices)"
        )
    sharing.check()
    return sharing


def _recount(checkpoint: dict[str, Any], before: int, now: int) -> None:
    """Have a state count batches as each of ``now`` processes does, and not of ``before``."""
    epoch, batch = checkpoint["cotrain"]["next_batch"]
    checkpoint["cotrain"]["next_batch"] = (epoch, batch * before // now)
    progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
    for counts in (progress["total"], progress["current"]):
        ready = counts["ready"]
        # Some of the others are one less while a batch ends.
        counts |= {name: ready * before // now - (ready - n) for name, n in counts.items()}
