"""Lines about work that takes long, for a user who would otherwise see nothing."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from time import monotonic
from typing import TypeVar

_SECONDS = 10  # between two lines; work that is done before says nothing

T = TypeVar("T")


def watched(parts: Iterable[T], what: str, size: int, total: int) -> Iterator[T]:
    """The parts as they are done; every ten seconds a line on stderr says how many items are.

    Args:
        parts: Results of the parts of the work, in order.
        what: What the work is, such as ``reading images``.
        size: Items of a part.
        total: Items of all.
    """
    last = monotonic()
    for number, part in enumerate(parts, start=1):
        if monotonic() - last > _SECONDS:
            last = monotonic()
            with suppress(OSError):  # nobody reads it
                print(
                    f"cotrain: {what}: {min(number * size, total):,} of {total:,}", file=sys.stderr
                )
        yield part
