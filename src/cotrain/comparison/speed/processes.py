"""S networks as S independent processes on the same hardware: what no strategy need be slower than.

Each process has one network, its own images and its share of the threads, and nothing is sent
while the time runs.
"""

import multiprocessing
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from time import perf_counter
from typing import TypeAlias

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.comparison.speed.cases import Pass, execute, tried
from cotrain.comparison.speed.records import Case, Condition
from cotrain.execution.timing import seconds_of
from cotrain.networks import NetworkSpec, build

# A case, and the shape of the images where it is to be prepared.
Message: TypeAlias = tuple[Case, tuple[int, ...] | None]


@dataclass(frozen=True, kw_only=True)
class Work:
    """What each process does.

    Args:
        networks: What they build, one each; its weights do not matter.
        threads: CPU threads of PyTorch.
        device: Where it computes.
    """

    networks: tuple[NetworkSpec, ...]
    threads: int
    device: str


class Processes:
    """S processes that wait for their turn; a context manager that ends them.

    They import the main script, which must start its work under ``if __name__ == "__main__":``.

    Args:
        work: Of each.
    """

    def __init__(self, work: Work) -> None:
        self.work = work
        context = multiprocessing.get_context("spawn")
        self._ends: list[Connection] = []
        self.workers = []
        for network in work.networks:
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(there, network, work), daemon=True)
            process.start()
            there.close()  # so that its end is noticed
            self._ends.append(here)
            self.workers.append(process)

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        for end in self._ends:
            end.close()
        for process in self.workers:
            process.terminate()
            process.join()

    def prepare(self, case: Case, image_shape: Sequence[int]) -> None:
        """Make every process ready to answer.

        Args:
            case: Strategy and level of its one network.
            image_shape: [B, C, H, W].

        Raises:
            ConfigError: One cannot, or has died.
        """
        self._ask((case, tuple(image_shape)))

    def seconds(self, case: Case) -> float:
        """From the first process's start to the last one's end, once all are told to start."""
        times = self._ask((case, None))
        return max(end for _, end in times) - min(start for start, _ in times)

    def _ask(self, message: Message) -> list[tuple[float, float]]:
        try:
            for end in self._ends:
                end.send(message)
            replies = [end.recv() for end in self._ends]
        except (EOFError, OSError):
            raise ConfigError("processes: one has died, perhaps for lack of memory") from None
        for reply in replies:
            if isinstance(reply, str):
                raise ConfigError(reply)
        return replies


def _serve(parent: Connection, spec: NetworkSpec, work: Work) -> None:
    """Do what the parent asks for, until it closes its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    torch.set_num_threads(work.threads)
    network = build(spec).to(work.device)
    passes: dict[Condition, Pass] = {}
    with torch.inference_mode():
        while (message := _next(parent)) is not None:
            case, shape = message
            try:
                if shape is not None:
                    images = torch.randn(shape, device=work.device)
                    passes[case.condition] = tried(partial(_pass, network, case, images))
                parent.send(_times(passes[case.condition], torch.device(work.device)))
            except Exception as error:
                parent.send(f"processes: {error}")


def _next(parent: Connection) -> Message | None:
    try:
        return parent.recv()
    except EOFError:
        return None


def _pass(network: nn.Module, case: Case, images: Tensor) -> Pass:
    return partial(execute([network], case, images), images)


def _times(once: Pass, device: torch.device) -> tuple[float, float]:
    """When a pass started and ended; all processes of a machine have one clock."""
    start = perf_counter()
    return start, start + seconds_of(once, device)
