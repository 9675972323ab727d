"""What a number was measured on: the facts that stand beside every measured result."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

__version__ = "0.1.0"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The machine and the software of a measurement.

    Args:
        cpu: Model of the processor.
        cores: Cores that this process may use.
        gpu: Model of the first GPU; None where there is none.
        python: Version of Python.
        torch: Version of PyTorch.
        cotrain: Version of this package.
    """

    cpu: str
    cores: int
    gpu: str | None
    python: str
    torch: str
    cotrain: str

    def __str__(self) -> str:
        gpu = f", {self.gpu}" if self.gpu else ""
        return (
            f"{self.cores} cores of {self.cpu}{gpu}; cotrain {self.cotrain}, "
            f"torch {self.torch}, Python {self.python}"
        )


def hardware() -> Machine:
    """The facts of this machine."""
    import torch

    return Machine(
        cpu=_cpu_model(),
        cores=usable_cores(),
        gpu=torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
        python=platform.python_version(),
        torch=torch.__version__,
        cotrain=__version__,
    )


def usable_cores() -> int:
    """Cores that this process may use: fewer than the machine has where it is pinned."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def free_memory() -> int | None:
    """Bytes that a process could take without others being swapped out; None where unknown."""
    table = Path("/proc/meminfo")
    for line in table.read_text().splitlines() if table.is_file() else ():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return None


def _cpu_model() -> str:
    """From Linux's table; elsewhere what Python knows."""
    table = Path("/proc/cpuinfo")
    if table.is_file():
        for line in table.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
