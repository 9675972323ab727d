"""Lines about work that takes long, for a user who would otherwise see nothing."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from time import monotonic
from typing import TypeVar

_FIRST, _NEXT = 1, 10  # seconds until a line; work that is done before the first says nothing

T = TypeVar("T")


class Watch:
    """Says on stderr how far some work is, after a second and then every ten.

    Args:
        what: What the work is, such as ``reading images``.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._due = monotonic() + _FIRST

    def show(self, done: str) -> None:
        """Print how much is done, if it is time."""
        if monotonic() > self._due:
            self._due = monotonic() + _NEXT
            _print(f"{self._what}: {done}")


def watched(parts: Iterable[T], what: str, size: int, total: int) -> Iterator[T]:
    """The parts as they are done, watched.

    Args:
        parts: Results of the parts of the work, in order.
        what: What the work is.
        size: Items of a part.
        total: Items of all.
    """
    watch = Watch(what)
    for number, part in enumerate(parts, start=1):
        watch.show(f"{min(number * size, total):,} of {total:,}")
        yield part


@contextmanager
def at_work(
    what: str, far: Callable[[], str] | None = None, *, every: float | None = None
) -> Iterator[None]:
    """Say on stderr, while the work inside takes long, what it is.

    Args:
        what: What the work is.
        far: Says how far it is; for how long it is done if None.
        every: Seconds between lines, after the first; ten if None.
    """
    ended = Event()
    begun = monotonic()

    def say() -> None:
        wait: float = _FIRST
        while not ended.wait(wait):
            _print(f"{what}: {far() if far else f'{monotonic() - begun:.0f} s'}")
            wait = _NEXT if every is None else every

    thread = Thread(target=say, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _print(line: str) -> None:
    with suppress(OSError):  # nobody reads it
        print(f"cotrain: {line}", file=sys.stderr, flush=True)
