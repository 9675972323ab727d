"""The same experiment in fewer epochs, on images that are held out of its training images."""

from dataclasses import replace

from cotrain.basics.errors import ConfigError
from cotrain.config import Experiment
from cotrain.config.fine_tuning import FineTuning
from cotrain.config.training import Schedule

HELD_OUT = 0.2  # share of the training images where the experiment holds out none


def shortened(experiment: Experiment, length: float) -> Experiment:
    """The experiment with its whole schedule in a share of the epochs.

    The learning rate goes through the same curve, and the co-training loss through the same ramp;
    as large a share of the epochs is frozen. Nothing is selected: the last epoch counts.

    Args:
        experiment: What the big run trains.
        length: Share of its epochs, above 0 and at most 1.

    Raises:
        ConfigError: Another share.
    """
    if not 0 < length <= 1:
        raise ConfigError(f"length={length:g} is no share of the epochs: give one such as 0.33")
    epochs = max(1, round(length * experiment.epochs))
    factor = epochs / experiment.epochs
    ramp = experiment.co_training.ramp_epochs
    validation = experiment.data.validation
    return replace(
        experiment,
        epochs=epochs,
        early_stopping=None,
        schedule=_shortened(experiment.schedule, factor),
        fine_tuning=_thawed_sooner(experiment.fine_tuning, experiment.epochs, epochs),
        co_training=replace(
            experiment.co_training, ramp_epochs=None if ramp is None else ramp * factor
        ),
        data=replace(
            experiment.data, validation=HELD_OUT if validation in ("none", 0) else validation
        ),
    )


def _shortened(schedule: Schedule, factor: float) -> Schedule:
    warmup = schedule.warmup_epochs
    return replace(
        schedule,
        warmup_epochs=warmup * factor if warmup > 0 else warmup,  # -1 is a way to have none
        milestones=tuple(max(1, round(each * factor)) for each in schedule.milestones),
        decay_epochs=schedule.decay_epochs * factor,
    )


def _thawed_sooner(tuning: FineTuning, before: int, epochs: int) -> FineTuning:
    """With its share of frozen epochs; where not all were frozen, one is left that is not."""
    frozen = round(tuning.frozen_epochs * epochs / before)
    if tuning.frozen_epochs < before:
        frozen = min(frozen, epochs - 1)
    return replace(tuning, frozen_epochs=frozen, cached_views=min(tuning.cached_views, frozen))
