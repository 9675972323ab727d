"""Choices kept in the user's cache folder, so that a machine measures each kind of work once."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cotrain.basics.errors import TrainingError
from cotrain.basics.files import atomic_write, digest, user_cache
from cotrain.basics.machine import hardware
from cotrain.execution.auto.measuring import convolution_precision
from cotrain.execution.compiling import is_compiled
from cotrain.networks.likeness import alike


def key(networks: Sequence[nn.Module], images: Tensor, ways: Sequence[object]) -> str:
    """Equal for equal layers and shapes on the same hardware with the same versions and modes."""
    layers = [
        (
            str(network),
            alike(network, networks[0]),
            is_compiled(network),
            [
                (name, t.shape, t.stride(), t.dtype, t.device)
                for name, t in network.state_dict().items()
            ],
        )
        for network in networks
    ]
    work = [tuple(images.shape), images.stride(), images.dtype, images.device, *map(str, ways)]
    return digest(repr([layers, work, _modes(images.device.type), hardware()]).encode())


def _modes(kind: str) -> list[object]:
    """What torch is told of how to compute."""
    return [
        torch.get_num_threads(),
        torch.is_autocast_enabled(kind) and torch.get_autocast_dtype(kind),
        convolution_precision(),
        torch.backends.cuda.matmul.fp32_precision,
        torch.backends.cudnn.benchmark,
    ]


def cache_file() -> Path:
    """``executions.json`` in the user's cache folder."""
    return user_cache() / "executions.json"


def read(key: str) -> dict[str, Any] | None:
    """The fields of the choice that was kept; None if there is none that can be read."""
    return _all().get(key)


def write(key: str, record: dict[str, Any]) -> None:
    """Keep the fields of a choice, where the folder can be written."""
    content = json.dumps(_all() | {key: record}, indent=1)
    try:
        atomic_write(cache_file(), content.encode())
    except TrainingError:
        return  # Only time is lost: the next process measures again.


def _all() -> dict[str, dict[str, Any]]:
    try:
        kept = json.loads(cache_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}
