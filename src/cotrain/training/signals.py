"""Signals that ask to stop, noted at once and obeyed when training can save its state."""

import torch
from pytorch_lightning import Trainer

from cotrain.basics.processes import CaughtSignals
from cotrain.training.late import Late


class Signals:
    """Notes the signal that asks to stop; a second Ctrl-C or SIGTERM stops the process at once."""

    def __init__(self) -> None:
        self.number = 0
        self._shared: Late | None = None
        self._caught = CaughtSignals(self._note)

    def catch(self) -> None:
        """Begin to note signals."""
        self._caught.catch()

    def release(self) -> None:
        """Give the signals back to whoever had them."""
        self._caught.release()

    def _note(self, number: int) -> None:
        self.number = number

    def received(self, trainer: Trainer) -> int:
        """The signal to obey, or 0; every process must call it, and gets the same.

        Of several processes it is the greatest that any had noted in the call before this one, so
        that none waits for the others.
        """
        if trainer.world_size == 1:
            return self.number
        number = torch.full((1,), self.number, device=trainer.strategy.root_device)
        before, self._shared = self._shared, Late(number, shared=1)
        return int(before.numbers()[0]) if before else 0
