"""Ctrl-C and SIGTERM, noted at once and obeyed when training can save its state."""

import signal
from threading import current_thread, main_thread
from types import FrameType
from typing import Any

import torch
from pytorch_lightning.strategies import Strategy
from torch.distributed import ReduceOp


class Signals:
    """Notes the first Ctrl-C or SIGTERM; a second one stops the process at once."""

    def __init__(self) -> None:
        self.number = 0
        self._before: dict[int, Any] = {}

    def catch(self) -> None:
        """Begin to note signals, which only the main thread of a process can."""
        if current_thread() is main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)

    def release(self) -> None:
        """Give the signals back to whoever had them."""
        while self._before:
            signal.signal(*self._before.popitem())

    def _note(self, number: int, _: FrameType | None) -> None:
        self.number = number
        self.release()

    def received(self, strategy: Strategy) -> int:
        """The signal that any of the processes noted, or 0; every process must call it."""
        number = torch.tensor(self.number, device=strategy.root_device)
        return int(strategy.reduce(number, reduce_op=ReduceOp.MAX))  # type: ignore


def ignore_signals(_: int = 0) -> None:
    """For processes that load data: the training process decides when they end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
