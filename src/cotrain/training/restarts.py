"""Processes that ``torchrun`` has started again, as some of them were lost."""

import os
from datetime import timedelta

import torch.distributed as dist
from pytorch_lightning import Trainer
from torch.distributed import PrefixStore  # type: ignore[attr-defined]
from torch.distributed.rendezvous import rendezvous


def _attempt() -> str:
    return os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")


def restarted() -> bool:
    """Whether this is not the first attempt."""
    return _attempt() != "0"


def meet_again(trainer: Trainer, timeout: float) -> None:
    """Have restarted processes find each other, before Lightning would.

    The store that ``torchrun`` keeps for them may still hold the addresses of the attempt before
    (torch 2.14, ``--standalone``), at which nobody answers: each attempt has names of its own.

    Args:
        trainer: What they train with.
        timeout: Seconds that they wait for each other.
    """
    if not restarted() or trainer.world_size == 1:
        return
    waits = timedelta(seconds=timeout)
    store, rank, size = next(rendezvous("env://", timeout=waits))
    dist.init_process_group(
        "nccl" if trainer.strategy.root_device.type == "cuda" else "gloo",
        store=PrefixStore(f"attempt {_attempt()}", store),
        rank=rank,
        world_size=size,
        timeout=waits,
    )
