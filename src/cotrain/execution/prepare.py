"""Prepare networks to answer at once, by a strategy of the user's or the measured best."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.config.dtype import Dtype
from cotrain.ensemble.answering import Answering
from cotrain.ensemble.ensemble import Ensemble
from cotrain.execution.acceleration import LIGHT, Acceleration
from cotrain.execution.auto.choosing import accelerations_in, choose
from cotrain.execution.execution import Execution, networks_of
from cotrain.execution.strategies import build_execution


def prepare(
    networks: Ensemble | Iterable[nn.Module],
    strategy: str,
    *,
    acceleration: Acceleration | None = None,
    workers: int | None = None,
    devices: Sequence[str | torch.device] | None = None,
    example: Tensor | None = None,
    dtype: Dtype | None = None,
) -> Execution:
    """The networks prepared to answer at once; they stay as they are.

    Args:
        networks: S networks, or an ensemble.
        strategy: ``loop`` (one after the other), ``threads`` (CPU: some networks for each worker),
            ``streams`` and ``cuda_graphs`` (one GPU), ``stacked`` (all as one), ``devices`` (one
            each), or ``auto``: measured on ``example``, never slower than loop.
        acceleration: Of each network; none if None. ``auto`` chooses it.
        workers: Threads of ``threads``; as many as torch may use here, at most S, if None.
        devices: For ``devices``: one for each network, in turn; all CUDA devices if None.
        example: Images of the shape, type and device to answer, for ``auto``.
        dtype: What the networks compute in, instead of the acceleration's; answers are then not
            exact. ``auto`` takes it only where it is faster.

    Raises:
        ConfigError: An unknown strategy, or one that networks or hardware do not allow.
    """
    found, reason = networks_of(networks), ""
    how = acceleration or Acceleration()
    if dtype is not None:
        how = replace(how, dtype=dtype)
    if strategy == "auto":
        if example is None or acceleration or workers or devices:
            raise ConfigError(
                "strategy='auto' chooses the rest itself, measured on images: give "
                "example=images, and no acceleration, workers or devices"
            )
        choice = choose(
            found,
            example.shape,
            device=example.device,
            dtype=example.dtype,
            accelerations=accelerations_in(how.dtype),
        )
        strategy, how, reason = choice.strategy, choice.acceleration, choice.reason
    execution = build_execution(found, strategy, how, workers=workers, places=devices)
    execution.reason = reason
    if isinstance(networks, Ensemble):
        execution.spec = networks.spec
    return execution


def answering_in(answering: Answering, dtype: Dtype) -> Answering:
    """Who answers, its networks folded and converted once; itself for ``fp32``.

    Raises:
        ConfigError: It is no ensemble: a file answers in what it was exported in.
    """
    if dtype == "fp32":
        return answering
    if not isinstance(answering, Ensemble):
        raise ConfigError(
            f"dtype={dtype!r}: a file answers in what it was exported in: export the run with "
            "--precision fp16, or name the run"
        )
    return prepare(answering, "loop", acceleration=LIGHT, dtype=dtype)
