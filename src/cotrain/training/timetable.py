"""What every epoch and step of a run does: which networks are trained, how fast, how coupled."""

from dataclasses import dataclass, replace

from cotrain.config import Experiment
from cotrain.ensemble.losses import co_training_weight
from cotrain.training.schedules import learning_rate, warmup_within

# The rise of the paper's weight: 40 of 300 epochs.
_RAMP_SHARE = 0.13


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where in the run a step stands.

    Args:
        epoch: Epoch of the schedule, from 0.
        networks: The networks being trained: all, or one of them.
    """

    epoch: int
    networks: range


@dataclass(frozen=True, kw_only=True)
class Timetable:
    """A run's epochs; networks that train one at a time have all of them each.

    Args:
        experiment: How the networks are trained.
        steps_per_epoch: Optimizer steps in one epoch.
    """

    experiment: Experiment
    steps_per_epoch: int

    def place(self, epoch: int) -> Place:
        """Epoch ``epoch`` of the run, within the network's own schedule."""
        if self.experiment.co_training.together:
            return Place(epoch=epoch, networks=range(self.experiment.trained_networks))
        network, epoch = divmod(epoch, self.experiment.epochs)
        return Place(epoch=epoch, networks=range(network, network + 1))

    def weight(self, epoch: int) -> float:
        """Weight of the divergence in an epoch of the run."""
        options = self.experiment.co_training
        ramp = options.ramp_epochs
        if ramp is None:
            ramp = _RAMP_SHARE * self.experiment.epochs
        return co_training_weight(self.place(epoch).epoch, weight=options.weight, ramp_epochs=ramp)

    def learning_rate(self, step: int) -> float:
        """Learning rate of optimizer step ``step`` of the run, counted from 0."""
        experiment = self.experiment
        assert experiment.optimizer.lr is not None  # an experiment says what suits
        warmup = warmup_within(experiment.schedule, experiment.epochs)
        return learning_rate(
            self.own_step(step),
            schedule=replace(experiment.schedule, warmup_epochs=warmup),
            lr=experiment.optimizer.lr,
            epochs=experiment.epochs,
            steps_per_epoch=self.steps_per_epoch,
        )

    def own_step(self, step: int) -> int:
        """Optimizer step ``step`` of the run, within the schedule of the networks it trains."""
        if self.experiment.co_training.together:
            return step
        return step % (self.experiment.epochs * self.steps_per_epoch)
