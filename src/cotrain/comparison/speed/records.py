"""What a benchmark leaves: who was timed, how, how long it took, and what that says."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from cotrain.basics.machine import Machine
from cotrain.execution.timing import Latency

CaseRole = Literal["together", "cascade", "alone", "processes"]

# What a fair comparison has on both sides: the strategy of a network that has no others beside it
# (``loop`` or ``cuda_graphs``), and the acceleration.
Condition: TypeAlias = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Who is timed.

    Args:
        name: As it is shown.
        large: The large network that it was divided from, or that it is.
        into: S.
        image_shape: [C, H, W].
        params: Trainable parameters of all S networks.
        macs: Multiply-accumulates of all S networks for one image (1 MAC = 2 FLOPs).
        top1: Share of the test images that are answered right; None where it is not known.
        cascade_top1: Likewise by its cascade; None where there is none, too.
    """

    name: str
    large: str
    into: int
    image_shape: tuple[int, int, int]
    params: int
    macs: int
    top1: float | None = None
    cascade_top1: float | None = None

    @property
    def short(self) -> str:
        """The name where the large network's stands above."""
        return self.name.removeprefix(f"{self.large}, ")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One way to answer whose time is taken.

    Args:
        target: Name of who answers.
        into: Its S.
        strategy: How its networks are run at once.
        level: How each network is accelerated: ``none``, ``light``, ``compile``, ``bf16`` or
            ``fp16``; ``prepared`` for an execution; of an exported file, its format.
        role: All S networks ``together``; as many as the ``cascade`` asks; one ``alone``, ceiling
            (a); or S independent ``processes``, ceiling (b).
        network: Which of the S is alone; 0 otherwise.
        reason: Why ``auto`` chose this; empty where it did not.
        share: Of the MACs of all S networks, that an image takes on average.
    """

    target: str
    into: int
    strategy: str
    level: str
    role: CaseRole = "together"
    network: int = 0
    reason: str = ""
    share: float = 1.0

    @property
    def condition(self) -> Condition:
        """What the large network and the ceilings must have too, to be compared with."""
        return ("cuda_graphs" if self.strategy == "cuda_graphs" else "loop"), self.level

    @property
    def is_plain_loop(self) -> bool:
        """Whether the networks answer one after the other, as they are."""
        return (self.strategy, self.level, self.role) == ("loop", "none", "together")

    def __str__(self) -> str:
        return f"{'auto: ' if self.reason else ''}{self.strategy}, {self.level}"


@dataclass(frozen=True, kw_only=True)
class TimedCase:
    """A case's time, beside others of the same batch size.

    Args:
        case: What was timed.
        latency: How long it took.
        against_large: Median as a multiple of the large network's in the same condition; None for
            a ceiling, and without a large network.
        against_loop: Median as a multiple of the same networks' in the plain loop; likewise.
    """

    case: Case
    latency: Latency
    against_large: float | None = None
    against_loop: float | None = None


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A case that is not possible here.

    Args:
        case: Which.
        batch_size: B.
        reason: Why.
    """

    case: Case
    batch_size: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The fastest way of an ensemble at one batch size, and what bounds it.

    Args:
        target: The ensemble.
        batch_size: B.
        best: Its fastest row.
        against_large: Its median as a multiple of the large network's fastest.
        alone_ms: Ceiling (a): the slowest network alone, which is what a device for each gives.
        processes_ms: Ceiling (b): the networks as independent processes on this hardware.
        overhead: How much longer the best takes than (b), as a share.
    """

    target: str
    batch_size: int
    best: TimedCase
    against_large: float | None
    alone_ms: float | None
    processes_ms: float | None
    overhead: float | None


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """What ``benchmark.json`` holds.

    Args:
        targets: Who was timed.
        rows: Every case at every batch size.
        verdicts: One for every ensemble and batch size.
        refused: What is not possible here.
        machine: What the times were measured on.
        device: ``cpu`` or ``cuda``.
        threads: CPU threads of PyTorch.
        rounds: Timed passes of every case.
        warm_up: Passes before them that are left out.
    """

    targets: tuple[Facts, ...]
    rows: tuple[TimedCase, ...]
    verdicts: tuple[Verdict, ...]
    refused: tuple[Refusal, ...]
    machine: Machine
    device: str
    threads: int
    rounds: int
    warm_up: int

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON-able values."""
        return asdict(self)
