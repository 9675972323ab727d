"""Explicit randomness: every draw has a seed derived from the run's seed and its own place."""

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def derive_seed(seed: int, *place: int | str) -> int:
    """A 63-bit seed for one place, such as ``derive_seed(0, "view", epoch, step, network)``.

    Equal arguments give equal seeds on every machine; different ones give independent seeds.
    """
    digest = hashlib.blake2b(repr((seed, *place)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def seed_all(seed: int, device: torch.device) -> None:
    """Draw from ``seed`` from here on, on the CPU, on GPUs in use and on ``device``."""
    # Not torch.manual_seed: it keeps a stack trace for every kind of device that is not in use,
    # some milliseconds a step.
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
    elif device.type != "cpu":
        torch.manual_seed(seed)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from ``seed`` inside, on the CPU: torch, numpy and ``random``; restore them after."""
    state = torch.get_rng_state(), np.random.get_state(), random.getstate()
    torch.default_generator.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(state[0])
        np.random.set_state(state[1])
        random.setstate(state[2])
