"""From networks and the name of a strategy to an execution."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import nn

from cotrain.basics.errors import ConfigError
from cotrain.execution.acceleration import Acceleration
from cotrain.execution.cuda import cuda_graphs, streams
from cotrain.execution.execution import Execution
from cotrain.execution.stacked import stacked
from cotrain.execution.strategies import devices as on_devices
from cotrain.execution.strategies import loop, threads

Strategy = Literal["loop", "threads", "streams", "cuda_graphs", "stacked", "devices"]


def build(
    networks: Sequence[nn.Module],
    strategy: str,
    acceleration: Acceleration,
    *,
    workers: int | None = None,
    devices: Sequence[str | torch.device] | None = None,
) -> Execution:
    """The execution of that name; arguments as for :func:`cotrain.execution.prepare`."""
    if strategy == "threads":
        return threads(networks, acceleration, workers)
    if strategy == "devices":
        return on_devices(networks, acceleration, devices)
    others = {"loop": loop, "stacked": stacked, "streams": streams, "cuda_graphs": cuda_graphs}
    if strategy not in others:
        raise ConfigError(
            f"strategy={strategy!r} is not known: use one of {['auto', *get_args(Strategy)]}"
        )
    return others[strategy](networks, acceleration)
