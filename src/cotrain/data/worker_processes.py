"""The processes that load images: how they begin, and what is said when one dies."""

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from torch.utils.data import DataLoader

from cotrain.basics.errors import TrainingError
from cotrain.basics.processes import serve_parent

_passes: WeakSet[Any] = WeakSet()


class Loader(DataLoader[Any]):
    """A DataLoader whose processes end with the program, whoever still holds it then."""

    def __iter__(self) -> Any:
        batches: Any = super().__iter__()
        if self.num_workers:
            _passes.add(batches)
            for each in batches._workers:
                # For torch's last means where they cannot be asked, as when garbage is collected.
                each.terminate = each.kill  # they ignore the signal of the former
        return batches


@atexit.register
def _end_workers() -> None:
    """Before multiprocessing asks them to end, by a signal that they ignore, and waits for them."""
    for batches in list(_passes):
        batches.__del__()  # which is how torch tells them


def begin_worker(_: int = 0) -> None:
    """A loader's process ends with the one that it loads for, which alone obeys signals."""
    serve_parent()


@contextmanager
def dead_workers_named(next_step: str) -> Iterator[None]:
    """Say in one line that a process that loads images died, which torch tells at any moment.

    Args:
        next_step: What to do then.

    Raises:
        TrainingError: One died.
    """
    try:
        yield
    except RuntimeError as error:
        # torch has no class for it: "DataLoader worker (pid 7) is killed by signal: Killed."
        if not str(error).startswith("DataLoader worker"):
            raise
        raise TrainingError(
            f"a process that loads images died ({str(error).splitlines()[0].strip(' .')}), "
            f"perhaps for lack of memory: {next_step}"
        ) from None
