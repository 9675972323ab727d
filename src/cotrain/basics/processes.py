"""How processes end: when they are asked to, and with the one that started them."""

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread, current_thread, main_thread
from types import FrameType
from typing import Any

# Ctrl-C; kill; a terminal that closes; Ctrl-\; and what batch systems send before time is up.
STOP_SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
)
# Of these a second one is to stop the process at once; a terminal that closes sends its own twice.
_INSISTENT = (signal.SIGINT, signal.SIGTERM)


class CaughtSignals:
    """The signals that ask a process to stop, while they are caught.

    Args:
        react: Called with the number of the first.
    """

    def __init__(self, react: Callable[[int], None]) -> None:
        self._react = react
        self._asked = False
        self._before: dict[int, Any] = {}

    def catch(self) -> None:
        """Begin, which only the main thread of a process can."""
        if current_thread() is not main_thread():
            return
        for number in STOP_SIGNALS:
            if number not in _INSISTENT and signal.getsignal(number) is signal.SIG_IGN:
                continue  # nohup
            self._before[number] = signal.signal(number, self._receive)

    def release(self) -> None:
        """Give the signals back to whoever had them."""
        while self._before:
            signal.signal(*self._before.popitem())

    def _receive(self, number: int, _: FrameType | None) -> None:
        for insistent in _INSISTENT:
            if insistent in self._before:
                signal.signal(insistent, self._before.pop(insistent))
        if not self._asked:
            self._asked = True
            self._react(number)


class StopAsked(KeyboardInterrupt):
    """A signal asks to stop.

    Args:
        number: Which.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextmanager
def stoppable() -> Iterator[None]:
    """Inside, the first signal that asks to stop raises StopAsked."""
    caught = CaughtSignals(_stop)
    caught.catch()
    try:
        yield
    finally:
        caught.release()


def _stop(number: int) -> None:
    raise StopAsked(number)


def serve_parent() -> None:
    """Make this process one that its parent alone ends: by asking, or by ending itself."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    end_with_parent()


def end_with_parent() -> None:
    """Have this process killed when the one that started it ends, however that ends."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    if sys.platform == "linux":
        # By the system, so that no work can keep it from happening.
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent.pid:
            os._exit(1)  # it was too late
    else:
        Thread(target=_await_end, args=(parent,), daemon=True).start()


def _await_end(parent: Any) -> None:
    parent.join()
    os._exit(1)
