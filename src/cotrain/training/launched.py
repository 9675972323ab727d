"""Whether what has started the processes of a run fits its settings, and which is the first."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytorch_lightning as lightning
import torch
import torch.distributed as dist
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning.utilities import rank_zero_only

from cotrain.basics.errors import ConfigError
from cotrain.config import Hardware


def check_launched(hardware: Hardware, trainer: lightning.Trainer) -> None:
    """Raise ConfigError if the processes would wait for others that there are not, or would not
    know of each other."""
    machines, port = hardware.num_nodes, os.environ.get("MASTER_PORT", "0")
    known_to = getattr(trainer.strategy, "cluster_environment", None)
    # Lightning's own environment, which is the one of no cluster, would wait for half an hour.
    if machines > 1 and type(known_to) is LightningEnvironment and "MASTER_ADDR" not in os.environ:
        raise ConfigError(
            f"hardware.num_nodes={machines} waits for machines that do not know of each other: "
            "start it on each with torchrun, or set MASTER_ADDR, MASTER_PORT and NODE_RANK"
        )
    if trainer.world_size > 1 and not port.isdigit():
        raise ConfigError(f"MASTER_PORT={port} is no port: give a number such as 29500")
    wanted = trainer.num_devices * machines
    started = int(os.environ["WORLD_SIZE"]) if dist.is_torchelastic_launched() else wanted
    # Where the settings make one device, each would train all by itself, into the same folder.
    if started != wanted:
        raise ConfigError(
            f"torchrun has started {started} processes, but hardware.devices={hardware.devices} on "
            f"hardware.num_nodes={machines} makes {wanted}: give hardware.devices its "
            "--nproc-per-node, and hardware.num_nodes its --nnodes"
        )


@contextmanager
def first_where_alone(hardware: Hardware) -> Iterator[None]:
    """Have Lightning take a process that trains alone for the first one.

    It takes its number from SLURM's variables also where SLURM has started it for something else,
    such as one of several comparisons, and one that is not the first says and logs nothing.
    """
    kept = getattr(rank_zero_only, "rank", 0)
    if _has_one_device(hardware) and not {"RANK", "LOCAL_RANK"} & set(os.environ):
        rank_zero_only.rank = 0  # type: ignore[attr-defined]
    try:
        yield
    finally:
        rank_zero_only.rank = kept  # type: ignore[attr-defined]


def _has_one_device(hardware: Hardware) -> bool:
    if hardware.num_nodes > 1:
        return False
    if hardware.devices == "auto":
        return hardware.accelerator == "cpu" or torch.cuda.device_count() <= 1
    return str(hardware.devices) == "1"
