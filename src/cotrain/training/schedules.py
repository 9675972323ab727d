"""The learning rate of every step: a linear warm-up, then one of the curves in ``_CURVES``.

The formulas are those of the recipes of arXiv:2011.14660, over ``epochs`` epochs.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from cotrain.basics.errors import ConfigError
from cotrain.config import Schedule
from cotrain.training.notices import say

_POLY_POWER = 0.9
_HTD_START, _HTD_END = -6.0, 3.0


@dataclass(frozen=True, kw_only=True)
class _Place:
    """A step after the warm-up.

    Args:
        share: Share of the steps after the warm-up that are done, from 0 to 1.
        epoch: Whole epochs since the start.
        decay_periods: Lengths of ``decay_epochs`` since the end of the warm-up.
    """

    share: float
    epoch: int
    decay_periods: float


def learning_rate(
    step: int, *, schedule: Schedule, lr: float, epochs: int, steps_per_epoch: int
) -> float:
    """Learning rate of optimizer step ``step``, counted from 0.

    ``schedule.warmup_epochs`` may be a fraction. -1 is no warm-up and a curve that starts one
    epoch in, over epochs + 1: the paper's recipes for 1800 epochs were trained so. The result is
    never below ``schedule.end_lr``, in the warm-up too. A run shorter than its warm-up is warm-up
    from end to end. Steps after the last epoch get what the
    curve ends with.

    Args:
        step: Optimizer steps done before this one.
        schedule: Which curve; see ``check_schedule`` for what it must hold.
        lr: Peak learning rate.
        epochs: Epochs of the whole run, warm-up included.
        steps_per_epoch: Optimizer steps of one epoch.
    """
    step = min(step, epochs * steps_per_epoch)
    warmup = schedule.warmup_epochs * steps_per_epoch
    if warmup > 0 and step <= warmup:
        rate = schedule.warmup_lr + step / warmup * (lr - schedule.warmup_lr)
    else:
        place = _Place(
            share=(step - warmup) / (epochs * steps_per_epoch - warmup),
            epoch=step // steps_per_epoch,
            decay_periods=(step - warmup) / (schedule.decay_epochs * steps_per_epoch),
        )
        rate = lr * _CURVES[schedule.name](place, schedule)
    return max(rate, schedule.end_lr)


def warmup_within(schedule: Schedule, epochs: int) -> float:
    """Epochs of warm-up in a run: those asked for, or a tenth of a run that is no longer than they.

    So that a recipe can be tried with few epochs: the peak would never be reached.
    """
    return schedule.warmup_epochs if schedule.warmup_epochs < epochs else epochs / 10


def say_too_short(schedule: Schedule, epochs: int) -> None:
    """Say so where a run is no longer than its warm-up, or ends before its first milestone."""
    asked, warmup = schedule.warmup_epochs, warmup_within(schedule, epochs)
    if warmup < asked:
        say(f"schedule.warmup_epochs={asked} in epochs={epochs}: warming up for {warmup:g} epochs")
    if schedule.name == "step" and min(schedule.milestones) >= epochs:
        say(
            f"schedule.milestones={list(schedule.milestones)} in epochs={epochs}: the learning "
            "rate is never lowered"
        )


def check_schedule(schedule: Schedule) -> None:
    """Raise ConfigError for a schedule that lacks what its curve needs."""
    if schedule.name == "step" and not schedule.milestones:
        raise ConfigError(
            "schedule.milestones=() never lowers the learning rate: give the epochs at which "
            "schedule.name=step does, or schedule.name=constant"
        )


def _cosine(place: _Place, schedule: Schedule) -> float:
    return 0.5 * (1 + math.cos(math.pi * place.share))


def _step(place: _Place, schedule: Schedule) -> float:
    passed = sum(milestone <= place.epoch for milestone in schedule.milestones)
    return schedule.decay_factor**passed


def _poly(place: _Place, schedule: Schedule) -> float:
    return (1 - place.share) ** _POLY_POWER


def _htd(place: _Place, schedule: Schedule) -> float:
    """Hyperbolic-tangent decay with L = -6, U = 3 (arXiv:1806.01593)."""
    return 0.5 * (1 - math.tanh(_HTD_START + (_HTD_END - _HTD_START) * place.share))


def _exponential(place: _Place, schedule: Schedule) -> float:
    return schedule.decay_factor ** math.floor(place.decay_periods)


def _constant(place: _Place, schedule: Schedule) -> float:
    return 1.0


_CURVES: dict[str, Callable[[_Place, Schedule], float]] = {
    "cosine": _cosine,
    "step": _step,
    "poly": _poly,
    "htd": _htd,
    "exponential": _exponential,
    "constant": _constant,
}
