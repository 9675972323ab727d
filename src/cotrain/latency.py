"""How long an ensemble takes to answer, measured beside others in one interleaved run."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
from torch import Tensor

from cotrain.combining import combine_logits
from cotrain.ensemble import Ensemble
from cotrain.errors import ConfigError
from cotrain.modes import evaluating

_WARM_UP = 3


@dataclass(frozen=True, kw_only=True)
class Latency:
    """The time from preprocessed images to probabilities.

    Args:
        name: Whose.
        batch_size: B.
        rounds: How many passes were timed.
        median_ms: Median time of a batch, in milliseconds.
        spread_ms: Interquartile range of the time of a batch, in milliseconds.
    """

    name: str
    batch_size: int
    rounds: int
    median_ms: float
    spread_ms: float

    @property
    def per_image_ms(self) -> float:
        """Median time of a batch divided by its images, in milliseconds."""
        return self.median_ms / self.batch_size


def measure_latency(
    candidates: Mapping[str, Ensemble],
    image_shape: Sequence[int],
    *,
    batch_sizes: Sequence[int] = (1, 64),
    rounds: int = 20,
    device: str | torch.device = "cpu",
) -> list[Latency]:
    """Time every candidate at every batch size: warm-up first, then one pass of each per round.

    Interleaving makes a slow moment of the machine meet all candidates. The networks of an
    ensemble run one after the other. Loading and preprocessing are left out.

    Args:
        candidates: Ensembles by name; they are moved to ``device``.
        image_shape: [C, H, W].
        batch_sizes: Each B to measure.
        rounds: Timed passes of each candidate.
        device: Where to compute; a GPU is waited for.

    Raises:
        ConfigError: Fewer than one round.
    """
    if rounds < 1:
        raise ConfigError(f"rounds={rounds} is below 1: give at least 1")
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode())
        for ensemble in candidates.values():
            stack.enter_context(evaluating(ensemble.to(device)))
        found = []
        for batch_size in batch_sizes:
            images = torch.randn(batch_size, *image_shape, device=device)
            times = _interleaved(candidates, images, rounds)
            found += [_latency(name, batch_size, each) for name, each in times.items()]
    return found


def _interleaved(
    candidates: Mapping[str, Ensemble], images: Tensor, rounds: int
) -> dict[str, list[float]]:
    """Seconds of each candidate in each round after the warm-up."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(_WARM_UP + rounds):
        for name, ensemble in candidates.items():
            times[name].append(_seconds(ensemble, images))
    return {name: each[_WARM_UP:] for name, each in times.items()}


def _seconds(ensemble: Ensemble, images: Tensor) -> float:
    _wait(images)
    start = perf_counter()
    combine_logits(ensemble(images), ensemble.spec.combine)
    _wait(images)
    return perf_counter() - start


def _wait(images: Tensor) -> None:
    """Wait until the GPU is done; the CPU always is."""
    if images.is_cuda:
        torch.cuda.synchronize(images.device)


def _latency(name: str, batch_size: int, seconds: Sequence[float]) -> Latency:
    low, median, high = np.quantile(seconds, [0.25, 0.5, 0.75]) * 1000
    return Latency(
        name=name,
        batch_size=batch_size,
        rounds=len(seconds),
        median_ms=float(median),
        spread_ms=float(high - low),
    )
