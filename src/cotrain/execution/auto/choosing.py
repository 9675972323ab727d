"""Choose a strategy by measuring on the real shape, once for each kind of networks and machine."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from statistics import median

import torch
from torch import nn

from cotrain.config.dtype import Dtype
from cotrain.ensemble.ensemble import Ensemble, device_of
from cotrain.execution.acceleration import LIGHT, Acceleration
from cotrain.execution.auto import remembering
from cotrain.execution.auto.measuring import Context, Way, measure, name_of
from cotrain.execution.execution import networks_of

# A way replaces loop if it is faster by more than this in the median round, and not slower
# in three rounds of four: less may be the machine's mood.
MARGIN = 0.03

_EAGER = Acceleration()
_COMPILED = replace(LIGHT, compile=True)
ACCELERATIONS = (_EAGER, LIGHT, _COMPILED)

_PROCESS: dict[str, "Choice"] = {}


def accelerations_in(dtype: Dtype) -> tuple[Acceleration, ...]:
    """Those to measure where answers in ``dtype`` will do; the exact ones always."""
    if dtype == "fp32":
        return ACCELERATIONS
    return (*ACCELERATIONS, *(replace(how, dtype=dtype) for how in (LIGHT, _COMPILED)))


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What was found fastest.

    Args:
        strategy: Its name.
        acceleration: Of each network.
        reason: A sentence with the figures.
        timings: Median seconds of each way that was worth several rounds.
        refused: Why each of the others was left out.
    """

    strategy: str
    acceleration: Acceleration
    reason: str
    timings: Mapping[str, float] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


def choose(
    networks: Ensemble | Iterable[nn.Module],
    images_shape: Sequence[int],
    *,
    device: str | torch.device | None = None,
    dtype: torch.dtype = torch.float32,
    training: Context | None = None,
    channels_last: bool = False,
    accelerations: Sequence[Acceleration] = ACCELERATIONS,
    rounds: int = 9,
    remember: bool = True,
) -> Choice:
    """The fastest way to run the networks on images of this shape; loop unless another is faster.

    Args:
        networks: S networks, or an ensemble; they stay as they are.
        images_shape: [B, C, H, W], or [S, B, C, H, W] for a view each.
        device: Where the images are; the networks' own if None.
        dtype: Type of the images.
        training: Measure forward and backward of copies, compiled where the networks are, instead
            of answering; each forward pass is in such a context, for autocast.
        channels_last: Lay the images out as [.., B, H, W, C] in memory.
        accelerations: Those to measure with each strategy that answers.
        rounds: Interleaved passes of each way.
        remember: Use and keep choices: in this process, and in the user's cache folder.

    Raises:
        NetworkError: A network fails on such images.
    """
    found = networks_of(networks)
    device = device_of(found) if device is None else torch.device(device)
    draw = torch.Generator(device).manual_seed(0)
    images = torch.randn(tuple(images_shape), device=device, generator=draw).to(dtype)
    if channels_last:
        images = images.movedim(-3, -1).contiguous().movedim(-1, -3)
    ways = _ways(found, device, training is not None, accelerations)
    with training() if training else nullcontext():
        key = remembering.key(found, images, [*ways, training is not None])
    choice = _known(key) if remember else None
    if choice is None:
        choice = _decide(*measure(found, images, ways, rounds=rounds, training=training))
        if remember:
            remembering.write(key, asdict(choice))
    _PROCESS[key] = choice
    return choice


def _known(key: str) -> Choice | None:
    if key in _PROCESS:
        return _PROCESS[key]
    try:
        record = dict(remembering.read(key) or {})
        return Choice(**{**record, "acceleration": Acceleration(**record["acceleration"])})
    except (KeyError, TypeError, ValueError):
        return None  # There is none, or not one that this version wrote.


def _ways(
    networks: Sequence[nn.Module],
    device: torch.device,
    training: bool,
    accelerations: Sequence[Acceleration],
) -> list[Way]:
    """Loop as it is, and all that the kind of device allows."""
    gpu = device.type == "cuda"
    if training:
        strategies = ["loop", "streams", "cuda_graphs"] if gpu else ["loop", "threads"]
        return [(strategy, _EAGER) for strategy in strategies]
    strategies = ["loop", "streams", "cuda_graphs"] if gpu else ["loop", "threads"]
    if gpu and torch.cuda.device_count() >= len(networks) > 1:
        strategies.append("devices")
    pairs = [(strategy, how) for strategy in strategies for how in accelerations]
    pairs += [("stacked", how) for how in _without_layout(accelerations)]
    return list(dict.fromkeys([("loop", _EAGER), *pairs]))


def _without_layout(accelerations: Sequence[Acceleration]) -> list[Acceleration]:
    """For ``stacked``, which has no channels_last."""
    return [replace(how, channels_last=False) for how in accelerations]


def _decide(seconds: Mapping[Way, list[float]], refused: Mapping[str, str]) -> Choice:
    base = seconds["loop", _EAGER]
    best = min(seconds, key=lambda way: median(seconds[way]))
    ratios = [one / loop for one, loop in zip(seconds[best], base, strict=True)]
    steady = sum(ratio < 1 for ratio in ratios) >= 0.75 * len(ratios)
    chosen = best if steady and median(ratios) < 1 - MARGIN else ("loop", _EAGER)
    timings = {name_of(way): median(runs) for way, runs in seconds.items()}
    return Choice(
        strategy=chosen[0],
        acceleration=chosen[1],
        reason=_reason(chosen, best, timings, len(ratios)),
        timings=timings,
        refused=refused,
    )


def _reason(chosen: Way, best: Way, timings: Mapping[str, float], rounds: int) -> str:
    loop, fastest = (1000 * timings[name_of(pair)] for pair in (("loop", _EAGER), best))
    if chosen == best != ("loop", _EAGER):
        outcome = f"takes {fastest:.3g} ms where the plain loop takes {loop:.3g} ms"
    else:
        outcome = f"at {loop:.3g} ms is not beaten by more than the noise"
    return f"{name_of(chosen)} {outcome} (median of {rounds} interleaved rounds)"
