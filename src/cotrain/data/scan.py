"""Finding every image file that cannot be decoded before training starts."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from cotrain.basics.errors import ConfigError
from cotrain.data.images import UnreadableImageError, decode

_CHUNK = 256  # files a task: a task for each file would take more memory than a million paths
_SHOWN = 10
_THREADS = 4  # two halve the time of photos; tiny files take longer the more threads there are


def unreadable_files(paths: Sequence[str], in_channels: int) -> dict[int, str]:
    """Decode every file in a few threads; index and reason of those that cannot be decoded."""
    return failures(len(paths), lambda index: decode(paths[index], in_channels, quick=True))


def failures(count: int, read: Callable[[int], object]) -> dict[int, str]:
    """Call ``read`` with 0 .. count-1 in a few threads; index and reason of unreadable images."""

    def run(start: int) -> dict[int, str]:
        found = {}
        for index in range(start, min(start + _CHUNK, count)):
            try:
                read(index)
            except UnreadableImageError as error:
                found[index] = error.reason
        return found

    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        chunks = list(pool.map(run, range(0, count, _CHUNK)))
    return {index: reason for chunk in chunks for index, reason in chunk.items()}


def report_unreadable(reasons: Mapping[str, str], policy: Literal["error", "skip"]) -> None:
    """Stop with one list of the unreadable files, unless the policy is to skip them.

    Args:
        reasons: Path and reason of each.
        policy: ``data.unreadable``.

    Raises:
        ConfigError: There are some, and the policy is ``error``.
    """
    if not reasons or policy == "skip":
        return
    shown = "; ".join(f"{path} ({reason})" for path, reason in list(reasons.items())[:_SHOWN])
    more = f"; and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
    raise ConfigError(
        f"{len(reasons)} image files cannot be decoded: {shown}{more}: "
        "remove them or use --data.unreadable skip"
    )
