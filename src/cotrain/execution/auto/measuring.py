"""Time ways to run networks side by side: each a strategy with an acceleration."""

import copy
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from cotrain.execution.acceleration import Acceleration
from cotrain.execution.compiling import compile_in_place, is_compiled
from cotrain.execution.strategies import build_execution
from cotrain.execution.timing import seconds_of, take_turns
from cotrain.execution.training import TrainingExecution, prepare_training

Way: TypeAlias = tuple[str, Acceleration]
Context: TypeAlias = Callable[[], AbstractContextManager[object]]

# A way this much slower than the fastest in its first timed pass gets no further ones.
HOPELESS = 2.0
# Largest difference from loop, as a part of the largest logit; compilers reorder sums.
_TOLERANCE = {torch.float64: 1e-8, torch.float32: 1e-3}
_HALF_TOLERANCE = 5e-2
# cuDNN's own choice for float32: its inputs have ten bits, and folding changes which ones.
_TF32_TOLERANCE = 1e-2


def name_of(way: Way) -> str:
    """Such as ``threads (channels_last + fold)``."""
    strategy, acceleration = way
    return strategy if acceleration == Acceleration() else f"{strategy} ({acceleration})"


def measure(
    networks: Sequence[nn.Module],
    images: Tensor,
    ways: Sequence[Way],
    *,
    rounds: int,
    training: Context | None,
) -> tuple[dict[Way, list[float]], dict[str, str]]:
    """Seconds of each round of the ways worth it, and why each of the others was left out.

    Args:
        networks: They stay as they are: training is measured on copies.
        images: As for an execution.
        ways: The first is the baseline, which has to work.
        rounds: Interleaved passes.
        training: What every forward pass is in, if forward and backward are measured; else None.
    """
    refused: dict[str, str] = {}
    with ExitStack() as stack, _kept_random_state(images):
        ready = _ready(networks, training)
        passes: dict[Way, Callable[[], Tensor]] = {}
        for way in ways:
            try:
                passes[way] = _tried(partial(ready, way, images, stack), passes, way[1])
            except Exception as error:
                if not passes:
                    raise
                refused[name_of(way)] = str(error)
        timed = {way: partial(seconds_of, once, images.device) for way, once in passes.items()}
        first = {way: once() for way, once in timed.items()}
        for way in [c for c in first if first[c] > HOPELESS * min(first.values())]:
            if way != ways[0]:
                refused[name_of(way)] = f"slow: {1000 * first[way]:.3g} ms"
                del timed[way]
        return take_turns(timed, rounds, warm_up=0), refused


def _kept_random_state(images: Tensor) -> AbstractContextManager[None]:
    return torch.random.fork_rng([images.device] if images.is_cuda else [])


def _ready(networks: Sequence[nn.Module], training: Context | None) -> Callable[..., Any]:
    return partial(_training, _copies(networks), training) if training else partial(_run, networks)


def _run(
    networks: Sequence[nn.Module], way: Way, images: Tensor, stack: ExitStack
) -> Callable[[], Tensor]:
    return partial(stack.enter_context(build_execution(networks, *way)), images)


def _copies(networks: Sequence[nn.Module]) -> list[nn.Module]:
    """Copies, compiled where the networks are, which a copy alone would not be."""
    copies = [copy.deepcopy(network) for network in networks]
    for network, other in zip(networks, copies, strict=True):
        if is_compiled(network):
            compile_in_place(other)
    return copies


def convolution_precision() -> str:
    """How cuDNN multiplies numbers of float32: ``tf32`` unless it was told otherwise."""
    return torch.backends.cudnn.conv.fp32_precision  # type: ignore[attr-defined]


def _training(
    networks: Sequence[nn.Module], context: Context, way: Way, images: Tensor, stack: ExitStack
) -> Callable[[], Tensor]:
    execution = stack.enter_context(prepare_training(networks, way[0]))
    return partial(_step, networks, execution, context, images)


def _step(
    networks: Sequence[nn.Module], execution: TrainingExecution, context: Context, images: Tensor
) -> Tensor:
    """Forward and backward with a loss that costs next to nothing, from no gradients."""
    for network in networks:
        network.zero_grad()
    with context():
        logits = execution.forward(images)
        loss = logits.float().square().mean()
    loss.backward()
    execution.backward()
    return logits.detach()


def _tried(
    prepare: Callable[[], Callable[[], Tensor]],
    others: dict[Way, Callable[[], Tensor]],
    how: Acceleration,
) -> Callable[[], Tensor]:
    """The pass of a way, once it is warm, did all it was asked for, and agrees with loop."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        once = prepare()
        logits = once()
    undone = [str(w.message) for w in said if str(w.message).startswith(("compile:", "fold:"))]
    if undone:
        raise RuntimeError(undone[0])
    for loop in list(others.values())[:1]:
        _compare(logits, loop(), how)
    return once


def _compare(logits: Tensor, expected: Tensor, how: Acceleration) -> None:
    difference = float((logits - expected).abs().max() / expected.abs().max())
    allowed = _HALF_TOLERANCE if how.is_half else tolerance(logits.dtype, logits.device)
    if not difference <= allowed:
        raise RuntimeError(f"its logits differ from loop's by {difference:.1e} of the largest")


def tolerance(dtype: torch.dtype, device: torch.device) -> float:
    """The largest difference between logits that are the same but for rounding."""
    if dtype == torch.float32 and device.type == "cuda" and convolution_precision() == "tf32":
        return _TF32_TOLERANCE
    return _TOLERANCE.get(dtype, _HALF_TOLERANCE)
