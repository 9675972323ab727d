"""Time candidates side by side: each a strategy with an acceleration."""

import copy
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor, nn

from cotrain.execution.acceleration import Acceleration
from cotrain.execution.strategies import build
from cotrain.execution.timing import seconds_of, take_turns
from cotrain.execution.training import TrainingExecution, prepare_training

Candidate: TypeAlias = tuple[str, Acceleration]

# A candidate this much slower than the fastest in its first timed pass gets no further ones.
HOPELESS = 2.0
# Largest difference from loop, as a part of the largest logit; compilers reorder sums.
TOLERANCE = {torch.float64: 1e-8, torch.float32: 1e-3}
HALF_TOLERANCE = 5e-2


def name_of(candidate: Candidate) -> str:
    """Such as ``threads (channels_last + fold)``."""
    strategy, acceleration = candidate
    return strategy if acceleration == Acceleration() else f"{strategy} ({acceleration})"


def measure(
    networks: Sequence[nn.Module],
    images: Tensor,
    candidates: Sequence[Candidate],
    *,
    rounds: int,
    training: bool,
) -> tuple[dict[Candidate, list[float]], dict[str, str]]:
    """Seconds of each round of the candidates worth it, and why each of the others was left out.

    Args:
        networks: They stay as they are: training is measured on copies.
        images: As for an execution.
        candidates: The first is the baseline, which has to work.
        rounds: Interleaved passes.
        training: Whether forward and backward are measured.
    """
    refused: dict[str, str] = {}
    with ExitStack() as stack, _kept_random_state(images):
        ready = partial(_training, copy.deepcopy(networks)) if training else partial(_run, networks)
        passes: dict[Candidate, Callable[[], Tensor]] = {}
        for candidate in candidates:
            try:
                passes[candidate] = _tried(partial(ready, candidate, images, stack), passes)
            except Exception as error:
                if not passes:
                    raise
                refused[name_of(candidate)] = str(error)
        timed = {
            candidate: partial(seconds_of, once, images.device)
            for candidate, once in passes.items()
        }
        first = {candidate: once() for candidate, once in timed.items()}
        for candidate in [c for c in first if first[c] > HOPELESS * min(first.values())]:
            if candidate != candidates[0]:
                refused[name_of(candidate)] = f"slow: {1000 * first[candidate]:.3g} ms"
                del timed[candidate]
        return take_turns(timed, rounds, warm_up=0), refused


def _kept_random_state(images: Tensor) -> AbstractContextManager[None]:
    return torch.random.fork_rng([images.device] if images.is_cuda else [])


def _run(
    networks: Sequence[nn.Module], candidate: Candidate, images: Tensor, stack: ExitStack
) -> Callable[[], Tensor]:
    return partial(stack.enter_context(build(networks, *candidate)), images)


def _training(
    networks: Sequence[nn.Module], candidate: Candidate, images: Tensor, stack: ExitStack
) -> Callable[[], Tensor]:
    execution = stack.enter_context(prepare_training(networks, candidate[0]))
    return partial(_step, execution, images)


def _step(execution: TrainingExecution, images: Tensor) -> Tensor:
    """Forward and backward with a loss that costs next to nothing."""
    logits = execution.forward(images)
    logits.float().square().mean().backward()
    execution.backward()
    return logits.detach()


def _tried(
    prepare: Callable[[], Callable[[], Tensor]], others: dict[Candidate, Callable[[], Tensor]]
) -> Callable[[], Tensor]:
    """The pass of a candidate, once it is warm, did all it was asked for, and agrees with loop."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        once = prepare()
        logits = once()
    undone = [str(w.message) for w in said if str(w.message).startswith(("compile:", "fold:"))]
    if undone:
        raise RuntimeError(undone[0])
    for loop in list(others.values())[:1]:
        _compare(logits, loop())
    return once


def _compare(logits: Tensor, expected: Tensor) -> None:
    difference = float((logits - expected).abs().max() / expected.abs().max())
    if not difference <= TOLERANCE.get(logits.dtype, HALF_TOLERANCE):
        raise RuntimeError(f"its logits differ from loop's by {difference:.1e} of the largest")
