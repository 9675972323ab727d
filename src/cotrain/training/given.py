"""What a program gives to ``fit`` beside settings: its images, callbacks and loggers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pytorch_lightning.callbacks import (
    BatchSizeFinder,
    Callback,
    Checkpoint,
    GradientAccumulationScheduler,
    LearningRateFinder,
    ProgressBar,
    StochasticWeightAveraging,
    WeightAveraging,
)
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.model_helpers import is_overridden

from cotrain.basics.errors import ConfigError
from cotrain.config import Data, Experiment
from cotrain.data.settings import check_no_views
from cotrain.data.sources import Source
from cotrain.data.user_data import UserData, user_source

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, eq=False)
class Given:
    """What a program gives.

    Args:
        data: Its images; None for those that the settings name.
        callbacks: Called beside our own.
        loggers: Get the curves beside those that the settings name.
    """

    data: UserData | None = None
    callbacks: tuple[Callback, ...] = ()
    loggers: tuple[Logger, ...] = ()

    def in_settings(self, experiment: Experiment) -> Experiment:
        """The experiment, which says that its images are given where they are.

        Raises:
            ConfigError: It names others, or views that are not drawn.
        """
        if self.data is None:
            return experiment
        named = experiment.data.dataset
        if named not in (Data().resolved().dataset, "given"):
            raise ConfigError(
                f"data.dataset={named} and data= are both the images: give one of them"
            )
        if self.data.has_views:
            check_no_views(experiment.views)
        return replace(experiment, data=replace(experiment.data, dataset="given"))

    def source(self, experiment: Experiment) -> Source | None:
        """The images, looked at once; None where the settings name them."""
        return None if self.data is None else user_source(self.data, experiment.data)


NOTHING = Given()


def given(
    data: UserData | Sequence[Any] | None,
    callbacks: Sequence[Callback],
    logger: Logger | Sequence[Logger],
    *,
    progress: bool,
) -> Given:
    """What ``fit`` is given, in one way of writing it.

    Args:
        data: As a record, or as (train, val, test).
        callbacks: Callbacks of Lightning's.
        logger: One of Lightning's or several.
        progress: Whether our own progress is shown.

    Raises:
        ConfigError: Something else; or a callback for what is done already.
    """
    if isinstance(data, Sequence) and not isinstance(data, str):
        if len(data) != 3:
            raise ConfigError(
                f"data has {len(data)} parts: give (train, val, test), None for what there is not"
            )
        data = UserData(train=data[0], val=data[1], test=data[2])
    if data is not None and (not isinstance(data, UserData) or data.train is None):
        raise ConfigError(
            f"data={type(data).__name__} has no training images: give (train, val, test) or a "
            "cotrain.data.UserData"
        )
    called = _listed("callbacks", callbacks, Callback)
    for each in called:
        _check_callback(each, progress)
    return Given(data=data, callbacks=called, loggers=_listed("logger", logger, Logger))


def _listed(name: str, given: Any, kind: type[_T]) -> tuple[_T, ...]:
    """One of a kind, or several, as several."""
    several = tuple(given) if isinstance(given, Sequence) else (given,)
    for each in several:
        if not isinstance(each, kind):
            raise ConfigError(
                f"{name}: {type(each).__name__} is no {kind.__name__} of pytorch_lightning: give a "
                "list of such"
            )
    return several


# What changes how a run is trained, behind its settings, and the settings that do it.
_SETTINGS: dict[str, tuple[type[Callback], ...]] = {
    "optimizer.accumulate": (GradientAccumulationScheduler,),
    "ema": (WeightAveraging, StochasticWeightAveraging),
    "optimizer.lr": (LearningRateFinder,),
    "batch_size": (BatchSizeFinder,),
}


def _check_callback(callback: Callback, progress: bool) -> None:
    name = type(callback).__name__
    for setting, kinds in _SETTINGS.items():
        if isinstance(callback, kinds):
            raise ConfigError(
                f"callbacks: {name} would change what the run's settings say: leave it out, and "
                f"give {setting}"
            )
    if isinstance(callback, Checkpoint):
        raise ConfigError(
            f"callbacks: {name} would save what a run saves already (checkpoint_steps): leave "
            "it out"
        )
    if isinstance(callback, ProgressBar) and progress:
        raise ConfigError(f"callbacks: {name} and our own progress: give progress=False")


def check_states(callbacks: Sequence[Callback]) -> None:
    """Raise ConfigError if two callbacks would be saved under one name, as Lightning refuses."""
    seen: set[str] = set()
    for each in callbacks:
        if not is_overridden("state_dict", each, Callback):
            continue
        if each.state_key in seen:
            name = type(each).__name__
            raise ConfigError(
                f"callbacks: {name} stands twice with one state_key ({each.state_key}): leave one "
                "out (early_stopping is an EarlyStopping), or give it a state_key of its own"
            )
        seen.add(each.state_key)
