"""Where the settings of two experiments differ."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cotrain.basics.plain import plain
from cotrain.config.experiment import Experiment, flat_settings

# They change how a run is done, but none of its numbers.
_WITHOUT_EFFECT = ("checkpoint_steps", "data.download", "data.workers")


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


def first_difference(record: Mapping[str, Any], experiment: Experiment) -> ChangedSetting | None:
    """The first setting that changes what is trained, and is not as the record has it.

    Settings that only one of both knows, as records of other versions have, are left out.
    """
    for name, now in record_settings(experiment).items():
        if name in _WITHOUT_EFFECT or record.get(name, now) == now:
            continue
        return ChangedSetting(name=name, before=json.dumps(record[name]), now=json.dumps(now))
    return None
