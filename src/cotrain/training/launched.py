"""Whether what has started the processes of a run fits its settings."""

import os

import pytorch_lightning as lightning
import torch.distributed as dist
from lightning_fabric.plugins.environments.lightning import LightningEnvironment

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
