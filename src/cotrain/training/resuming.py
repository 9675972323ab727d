"""What a run goes on from: its newest state, which must be of these settings, and its files."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from cotrain.basics.errors import ConfigError, CotrainError
from cotrain.basics.reading import read_json
from cotrain.basics.run_folder import RunFolder
from cotrain.basics.text import one_line
from cotrain.config import Experiment
from cotrain.config.difference import PLACE, first_difference
from cotrain.ensemble.peers.peer import load_any
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.training.checkpoint import newest_checkpoint
from cotrain.training.notices import say

# Raised where what a setting does is changed, with a line in ``_changed``: a run is not trained
# half by one rule and half by another.
ARITHMETIC = 2


def read_state(
    folder: RunFolder, experiment: Experiment, *, without_best: bool
) -> dict[str, Any] | None:
    """The newest state of a run, or None where nothing was saved yet.

    Args:
        folder: The run folder; what a killed process left half written is removed.
        experiment: The settings to go on with.
        without_best: The best ensemble is lost: forget it.

    Raises:
        ConfigError: The state was trained with other settings, or by a version in which they did
            something else, or the best ensemble is missing.
        TrainingError: No checkpoint can be read.
    """
    folder.remove_leftovers()
    state, notice = newest_checkpoint(folder.checkpoint)
    if notice:
        say(notice)
    if state is None:
        return None
    _check_parts(state, folder)
    with sound(folder):
        _check_settings(folder, state["cotrain"].get("settings", {}), experiment)
        _check_arithmetic(state["cotrain"], experiment)
        if without_best:
            _forget_best(folder)
        elif state["callbacks"]["RunKeeper"]["best"] is not None and not folder.best.is_dir():
            raise ConfigError(f"{folder.best} is missing: {best_is_lost(folder)}")
    return state


def best_is_lost(folder: RunFolder) -> str:
    """What can be done where the best ensemble is missing or damaged."""
    return (
        f"copy it back, or go on with cotrain train --resume {folder.root} --without-best, which "
        "ships the best of the epochs that follow, or the last"
    )


# What a state is made of, as Lightning and ``CoTraining`` write it.
_PARTS = {
    **dict.fromkeys(("cotrain", "callbacks", "state_dict", "loops"), dict),
    **dict.fromkeys(("optimizer_states", "lr_schedulers"), list),
    **dict.fromkeys(("epoch", "global_step"), int),
}


def _check_parts(state: Any, folder: RunFolder) -> None:
    """Raise ConfigError if a whole checkpoint holds something else than a state."""
    for name, kind in _PARTS.items():
        if not isinstance(state, dict) or not isinstance(state.get(name), kind):
            raise _not_a_state(folder, f"it has no {name}")
    for name in ("threads", "processes"):
        number = state["cotrain"].get(name, 1)
        if not isinstance(number, int) or number < 1:
            raise _not_a_state(folder, f"its {name} are no number")


@contextmanager
def sound(folder: RunFolder, begun: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Whatever fails inside over a state's values is told as what it is: only a file that was
    exchanged can have them, and no list of all that libraries keep in it would be whole.

    Args:
        folder: The run folder.
        begun: Whether the state was taken up, after which nothing is its fault.
    """
    try:
        yield
    except (CotrainError, torch.OutOfMemoryError):
        raise
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        if begun():
            raise
        raise _not_a_state(folder, f"{type(error).__name__}: {one_line(error)}") from error


def _not_a_state(folder: RunFolder, reason: str) -> ConfigError:
    return ConfigError(
        f"{folder.checkpoint} holds no state of this run ({reason}): copy the run's own back"
    )


def check_tensors(state: dict[str, Any], module: nn.Module, folder: RunFolder) -> None:
    """Raise ConfigError if the state is of another network, which only an exchanged file can be."""
    wanted = {name: _kind(each) for name, each in module.state_dict().items()}
    found = {name: _kind(each) for name, each in state["state_dict"].items()}
    for name in [*wanted, *found]:
        if wanted.get(name) != found.get(name):
            raise ConfigError(
                f"{folder.checkpoint} is of another network: {name} is {found.get(name)}, not "
                f"{wanted.get(name)}: copy the run's own back"
            )


def _kind(value: object) -> str:
    """Shape and type of a tensor, or what stands in its place."""
    if not isinstance(value, torch.Tensor):
        return type(value).__name__
    return f"{list(value.shape)} of {str(value.dtype).removeprefix('torch.')}"


def threads_of(state: dict[str, Any] | None, asked: int | None) -> int:
    """CPU threads to compute with: as many as when the run began, as sums depend on them.

    Args:
        state: What the run goes on from; those of earlier versions do not say.
        asked: The setting; if None, a new run takes PyTorch's choice.
    """
    choice = asked or torch.get_num_threads()
    begun = choice if state is None else state["cotrain"].get("threads", choice)
    if begun != choice:
        say(f"computing with {begun} CPU threads, with which the run began, not {choice}")
    return begun


def _check_settings(folder: RunFolder, record: dict[str, Any], experiment: Experiment) -> None:
    difference = first_difference(record, experiment, PLACE)
    if difference is not None:
        raise ConfigError(
            f"{folder.config} says {difference.name}: {difference.now}, but the run was trained "
            f"with {difference.name}: {difference.before}: write that there again, or train with "
            "other settings into another --output"
        )


def check_images(folder: RunFolder, now: Preprocessing) -> None:
    """Raise ConfigError if images would be made otherwise than when the run began.

    That is so where another version, of this package or of a network's library, makes them.
    """
    if not folder.data.is_file():
        return
    before = read_json(folder.data).get("preprocessing", {})
    for name, value in asdict(now).items():
        if name in before and not _is_close(before[name], value):
            raise ConfigError(
                f"{folder.root}: the {name} of its images is {one_line(value)} now, and was "
                f"{one_line(before[name])} when it began: go on with the version that began it, or "
                "train anew with another --output"
            )


def _is_close(before: Any, now: Any) -> bool:
    """Whether settings are the same, numbers as far as computing them again gives them."""
    if isinstance(now, tuple | float):
        before, now = torch.tensor(before), torch.tensor(now)
        return before.shape == now.shape and torch.allclose(before, now, atol=1e-5)
    return before == now


def check_teacher(record: str | None, now: str | None) -> None:
    """Raise ConfigError if the teacher is not the one that the run has learnt from."""
    if record != now:
        raise ConfigError(
            "teacher.run does not hold the ensemble that the run has learnt from: bring that one "
            "back, or train into another --output"
        )


def take_up_groups(
    saved: Sequence[dict[str, Any]], now: Sequence[Mapping[str, Any]], experiment: Experiment
) -> None:
    """Have the optimizer's groups step as they do here, which can be another device.

    Raises:
        ConfigError: They are not of the same parameters, which its state knows by number.
    """
    if [len(each["params"]) for each in saved] != [len(each["params"]) for each in now]:
        raise ConfigError(earlier_version(f"optimizer.decayed={experiment.optimizer.decayed}"))
    for group, own in zip(saved, now, strict=True):
        if "fused" in own:
            group["fused"] = own["fused"]


def has_ended(state: Mapping[str, Any], experiment: Experiment) -> bool:
    """Whether all epochs were trained."""
    schedules = 1 if experiment.co_training.together else experiment.into
    return state["next_batch"][0] >= experiment.epochs * schedules


def _check_arithmetic(state: dict[str, Any], experiment: Experiment) -> None:
    if state.get("arithmetic", 1) < ARITHMETIC and not has_ended(state, experiment):
        for setting in _changed(experiment):
            raise ConfigError(earlier_version(setting))


def _changed(experiment: Experiment) -> Iterator[str]:
    """The settings that did something else before they were ``ARITHMETIC``."""
    if experiment.optimizer.accumulate > 1:
        yield f"optimizer.accumulate={experiment.optimizer.accumulate}"
    if experiment.ema is not None and experiment.ema > 0.9:
        yield f"ema={experiment.ema}"
    if experiment.schedule.warmup_epochs >= experiment.epochs:
        yield f"schedule.warmup_epochs={experiment.schedule.warmup_epochs}"


def earlier_version(setting: str) -> str:
    """Why a run cannot be gone on with."""
    return (
        f"an earlier version of cotrain, in which {setting} did something else, began the run: "
        "end it with that version, or train into another --output"
    )


def _forget_best(folder: RunFolder) -> None:
    """Remove what cannot be loaded; the epochs that follow are compared among themselves."""
    try:
        load_any(folder.best)
    except ConfigError:
        shutil.rmtree(folder.best, ignore_errors=True)
        return
    raise ConfigError(f"{folder.best} is whole: leave out --without-best")
