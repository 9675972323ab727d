"""Signals that ask to stop, noted at once and obeyed when training can save its state."""

import torch
from pytorch_lightning.strategies import Strategy
from torch.distributed import ReduceOp

from cotrain.basics.processes import CaughtSignals


class Signals:
    """Notes the signal that asks to stop; a second Ctrl-C or SIGTERM stops the process at once."""

    def __init__(self) -> None:
        self.number = 0
        self._caught = CaughtSignals(self._note)

    def catch(self) -> None:
        """Begin to note signals."""
        self._caught.catch()

    def release(self) -> None:
        """Give the signals back to whoever had them."""
        self._caught.release()

    def _note(self, number: int) -> None:
        self.number = number

    def received(self, strategy: Strategy) -> int:
        """The signal that any of the processes noted, or 0; every process must call it."""
        number = torch.tensor(self.number, device=strategy.root_device)
        return int(strategy.reduce(number, reduce_op=ReduceOp.MAX))  # type: ignore
