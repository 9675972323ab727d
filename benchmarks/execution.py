"""S=4 networks that answer at once, by every strategy, against one after the other (loop).

Preprocessed images of CIFAR size to logits; loading is left out. Beside the strategies stand two
ceilings: the slowest single network alone, which a device for each network could reach, and the
networks as independent processes, which share nothing. Run on a quiet machine: python
benchmarks/execution.py
"""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

import torch
from common import interleaved, summary, write_results

import cotrain
from cotrain.execution import Acceleration, prepare

N = 30
S = 4
NETWORKS = ("wide_resnet16_4", "wide_resnet16_8")
BATCH_SIZES = (1, 16, 64)
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
LIGHT = Acceleration(channels_last=True, fold=True)
COMPILED = Acceleration(channels_last=True, fold=True, compile=True)
PLAIN = Acceleration()
# Of the ceilings: that of the best strategy.
CEILING = COMPILED
CASES = {
    "cpu": [
        ("loop", PLAIN),
        ("loop", COMPILED),
        ("threads", PLAIN),
        ("threads", LIGHT),
        ("threads", COMPILED),
        ("stacked", Acceleration(fold=True)),
    ],
    "cuda": [
        ("loop", PLAIN),
        ("loop", COMPILED),
        ("streams", LIGHT),
        ("cuda_graphs", LIGHT),
        ("cuda_graphs", COMPILED),
        ("stacked", Acceleration(fold=True, compile=True)),
    ],
}[DEVICE]


def make_ensemble(network: str) -> cotrain.Ensemble:
    """The same weights in every process."""
    return cotrain.divide(network, S, seed=0).eval().to(DEVICE)


def make_images(batch_size: int) -> torch.Tensor:
    """Images [B, 3, 32, 32] of noise."""
    return torch.randn(batch_size, 3, 32, 32, device=DEVICE)


def answer_on_command(
    commands: Connection, network: str, batch_size: int, share: slice, threads: int
) -> None:
    """A process: each command makes its share of the networks answer once."""
    torch.set_num_threads(threads)
    networks = make_ensemble(network).networks[share]
    with prepare(networks, "loop", acceleration=CEILING) as execution:
        images = make_images(batch_size)
        while commands.recv():
            execution(images)
            if DEVICE == "cuda":
                torch.cuda.synchronize()
            commands.send(True)


@contextmanager
def processes(network: str, batch_size: int) -> Iterator[Callable[[], None]]:
    """A call lets independent processes, as many as can be busy, do one pass of all networks."""
    context = multiprocessing.get_context("spawn")
    count = min(S, torch.get_num_threads()) if DEVICE == "cpu" else S
    threads = max(1, torch.get_num_threads() // count)
    ends = []
    for index in range(count):
        ours, theirs = context.Pipe()
        arguments = (theirs, network, batch_size, slice(index, None, count), threads)
        context.Process(target=answer_on_command, args=arguments, daemon=True).start()
        ends.append(ours)

    def once() -> None:
        for end in ends:
            end.send(True)
        for end in ends:
            end.recv()

    yield once
    for end in ends:
        end.send(False)


def measure(network: str, batch_size: int) -> dict[str, Any]:
    """Seconds of every strategy and ceiling, and their ratio to loop."""
    ensemble, images = make_ensemble(network), make_images(batch_size)
    with ExitStack() as stack:
        cases: dict[str, Callable[[], object]] = {}
        for strategy, how in CASES:
            execution = stack.enter_context(prepare(ensemble, strategy, acceleration=how))
            cases[f"{strategy} ({how})"] = partial(execution, images)
        for index, one in enumerate(ensemble.networks):
            alone = stack.enter_context(prepare([one], "loop", acceleration=CEILING))
            cases[f"alone: network {index}"] = partial(alone, images)
        cases["processes"] = stack.enter_context(processes(network, batch_size))
        seconds = interleaved(cases, n=N)
    return _with_slowest_alone(seconds)


def _with_slowest_alone(seconds: dict[str, list[float]]) -> dict[str, Any]:
    alone = [seconds.pop(name) for name in list(seconds) if name.startswith("alone")]
    seconds["slowest network alone"] = max(alone, key=median)
    return summary(seconds, baseline=f"loop ({PLAIN})")


def main() -> None:
    torch.manual_seed(0)
    results = {}
    for network in NETWORKS:
        for batch_size in BATCH_SIZES:
            name = f"{network}, batch {batch_size}"
            results[name] = measure(network, batch_size)
            for case, found in results[name].items():
                print(f"{name}: {case:45} {1000 * found['median']:8.2f} ms {found['ratio']:.3f}")
    print(f"written to {write_results('execution', {'into': S, 'seconds': results})}")


if __name__ == "__main__":
    main()
