"""How long an answer takes, measured beside others in one interleaved run."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from random import Random
from time import perf_counter
from typing import TypeVar

import numpy as np
import torch

from cotrain.basics.errors import ConfigError
from cotrain.ensemble.answering import Answering
from cotrain.ensemble.combining import combine_logits
from cotrain.networks.evaluating import evaluating

WARM_UP = 3

K = TypeVar("K")
V = TypeVar("V")


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

    @staticmethod
    def of(name: str, batch_size: int, seconds: Sequence[float]) -> "Latency":
        """The latency whose single passes took ``seconds``."""
        low, median, high = np.quantile(seconds, [0.25, 0.5, 0.75]) * 1000
        return Latency(
            name=name,
            batch_size=batch_size,
            rounds=len(seconds),
            median_ms=float(median),
            spread_ms=float(high - low),
        )


def measure_latency(
    candidates: Mapping[str, Answering],
    image_shape: Sequence[int],
    *,
    batch_sizes: Sequence[int] = (1, 64),
    rounds: int = 20,
) -> list[Latency]:
    """Time every candidate at every batch size, where it is; a GPU is waited for.

    Loading and preprocessing are left out.

    Args:
        candidates: Who answers, by name.
        image_shape: [C, H, W].
        batch_sizes: Each B to measure.
        rounds: Timed passes of each candidate.

    Raises:
        ConfigError: Fewer than one round.
    """
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode())
        for each in candidates.values():
            stack.enter_context(evaluating(each))
        found = []
        for batch_size in batch_sizes:
            images = torch.randn(batch_size, *image_shape)
            passes = {
                name: partial(seconds_of, _pass(each, images.to(each.device)), each.device)
                for name, each in candidates.items()
            }
            times = take_turns(passes, rounds)
            found += [Latency.of(name, batch_size, each) for name, each in times.items()]
    return found


def _pass(answering: Answering, images: torch.Tensor) -> Callable[[], torch.Tensor]:
    """From images to probabilities."""
    return lambda: combine_logits(answering(images), answering.spec.combine)


def take_turns(
    passes: Mapping[K, Callable[[], V]], rounds: int, *, warm_up: int = WARM_UP
) -> dict[K, list[V]]:
    """What the passes give in each round, one of each a round; rounds to warm up are left out.

    Interleaving makes a slow moment of the machine meet all of them. The order is another one in
    every round, because threads of the pass before may still be spinning.

    Args:
        passes: Each does something and gives how long it took, in whatever form.
        rounds: How many are kept.
        warm_up: Rounds before them.

    Raises:
        ConfigError: Fewer than one round.
    """
    if rounds < 1:
        raise ConfigError(f"rounds={rounds} is below 1: give at least 1")
    times: dict[K, list[V]] = {name: [] for name in passes}
    order = Random(0)
    for _ in range(warm_up + rounds):
        for name in order.sample(list(passes), len(passes)):
            times[name].append(passes[name]())
    return {name: each[warm_up:] for name, each in times.items()}


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """How long ``work`` takes, until ``device`` is done with it too."""
    _wait(device)
    start = perf_counter()
    work()
    _wait(device)
    return perf_counter() - start


def _wait(device: torch.device) -> None:
    """Wait until a GPU is done; the CPU always is."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
