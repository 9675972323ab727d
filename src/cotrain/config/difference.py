"""Where the settings of two experiments differ."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cotrain.basics.plain import plain
from cotrain.config.experiment import Experiment, flat_settings
from cotrain.config.training import Hardware

# They change how a run is done, but none of its numbers.
_WITHOUT_EFFECT = ("checkpoint_steps", "data.download", "data.workers", "hardware.timeout")
# Where a run is trained, which may be elsewhere when it is gone on with.
PLACE = (
    "hardware.devices",
    "hardware.strategy",
    "hardware.num_nodes",
    "hardware.network_parallel",
)


@dataclass(frozen=True, kw_only=True)
class ChangedSetting:
    """A setting that has two values.

    Args:
        name: Its dotted name.
        before: Its value in the record, as YAML has it.
        now: Its value in the experiment, as YAML has it.
    """

    name: str
    before: str
    now: str


def record_settings(experiment: Experiment) -> dict[str, Any]:
    """Every setting by dotted name, in lists and maps of plain values."""
    return {name: plain(value) for name, value in flat_settings(experiment).items()}


def first_difference(
    record: Mapping[str, Any], experiment: Experiment, besides: Collection[str] = ()
) -> ChangedSetting | None:
    """The first setting that changes what is trained, and is not as the record has it.

    Settings that only one of both knows, as records of other versions have, are left out, and
    those ``besides``.
    """
    for name, now in record_settings(experiment).items():
        if name in (*_WITHOUT_EFFECT, *besides) or record.get(name, now) == now:
            continue
        return ChangedSetting(name=name, before=json.dumps(record[name]), now=json.dumps(now))
    return None


def run_elsewhere(experiment: Experiment, elsewhere: Experiment) -> Experiment | None:
    """The experiment where another one says, which is None if that says something else, too.

    It names the place whole: what it leaves as by default is so there, but where all is, which
    names none.
    """
    names = [name.removeprefix("hardware.") for name in PLACE]
    usual, given = Hardware(), elsewhere.hardware
    if (
        replace(given, **{name: getattr(usual, name) for name in names}) != usual
        or replace(elsewhere, hardware=usual) != Experiment()
    ):
        return None
    place = {name: getattr(given, name) for name in names}
    if all(value == getattr(usual, name) for name, value in place.items()):
        return experiment
    return replace(experiment, hardware=replace(experiment.hardware, **place))
