"""Whether the processes that train together train the same: each was told, and reads, its own."""

import json
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as lightning
import torch.distributed as dist

from cotrain.basics.errors import ConfigError
from cotrain.basics.machine import __version__
from cotrain.config import Experiment
from cotrain.config.difference import record_settings
from cotrain.data import Splits

# Settings that each machine may have for itself: they change nothing that others see.
_OF_A_MACHINE = (
    *("data.root", "data.table", "data.download", "data.workers"),
    *("hardware.threads", "hardware.timeout"),
)


class Agreement(lightning.Callback):
    """Ends all processes before the first step where one would train something else.

    Averaged with the others' its gradients would fit nothing, and nobody would see it: another
    learning rate, or training images that others hold out.

    Args:
        experiment: What this process was told.
        splits: The images that it has read.
        state: What it goes on from; None for a new run.
    """

    def __init__(
        self, experiment: Experiment, splits: Splits, state: Mapping[str, Any] | None
    ) -> None:
        settings = record_settings(experiment)
        for name in _OF_A_MACHINE:
            settings.pop(name)
        self._own = {
            "cotrain": __version__,
            **settings,
            "images": splits.record and splits.record.digest,
            "step": 0 if state is None else state["global_step"],
        }

    def setup(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str
    ) -> None:
        """The processes have found each other: compare all, in each, so that all say the same."""
        if trainer.world_size == 1:
            return
        found: list[dict[str, Any]] = [{} for _ in range(trainer.world_size)]
        dist.all_gather_object(found, self._own)
        for rank, other in enumerate(found):
            for name in found[0]:
                if other.get(name) != found[0][name]:
                    raise ConfigError(_difference(name, found[0], rank, other))


def _difference(name: str, first: Mapping[str, Any], rank: int, other: Mapping[str, Any]) -> str:
    """What another process has otherwise than the first, and what to do."""
    if name == "images":
        return (
            f"process {rank} has other images than process 0, or holds out others of them: copy "
            "the same files to every machine (data.root)"
        )
    told = f"process {rank} has {name}={json.dumps(other.get(name))}, and process 0 "
    told += json.dumps(first[name])
    if name == "cotrain":
        return f"{told}: install the same version on every machine"
    if name == "step":
        return f"{told}: give a folder that all machines share"
    return f"{told}: start every process with the same settings"
