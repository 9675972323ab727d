"""One process a folder: a lock that the system takes back, however its holder ends."""

import errno
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep

from cotrain.basics.errors import ConfigError
from cotrain.basics.files import unwritable

try:
    import fcntl
except ImportError:  # Windows: folders are not locked there
    fcntl = None

NAME = "run.lock"
# A killed process lets go when the system has cleared it away, not before.
_PATIENCE_SECONDS = 2.0
# Errors of file systems without locks: what is written there is not guarded.
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)

_held: set[int] = set()


@contextmanager
def locked(folder: Path, *, patience: float | None = None) -> Iterator[None]:
    """Keep other processes out of ``folder``, which is made; if it stays empty it goes again.

    Args:
        folder: Which.
        patience: Seconds to wait for one that is in it; None is as long as a killed one takes.

    Raises:
        ConfigError: Another process is in it; the message names that one.
        TrainingError: The folder cannot be made or written.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        descriptor = _take(folder, _PATIENCE_SECONDS if patience is None else patience)
    except OSError as error:
        raise unwritable(folder, error) from error
    _held.add(descriptor)
    try:
        yield
    finally:
        _release(descriptor, folder, missing)


def holder(folder: Path) -> str:
    """Who has the folder, in words that nobody else has; empty where nobody has."""
    path = folder / NAME
    return path.read_text(errors="replace").strip() if path.exists() else ""


def _release(descriptor: int, folder: Path, made: Sequence[Path]) -> None:
    _held.remove(descriptor)
    with suppress(OSError):
        (folder / NAME).unlink()  # while nobody else can have it
    os.close(descriptor)
    with suppress(OSError):  # of the first that is not empty
        for each in made:
            each.rmdir()


def _take(folder: Path, patience: float) -> int:
    """The descriptor of the lock's file, which is ours until it is closed."""
    path, last = folder / NAME, monotonic() + patience
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if _is_ours(descriptor, path):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, _myself().encode())
            return descriptor
        holder = os.read(descriptor, 1000).decode(errors="replace").strip()
        os.close(descriptor)
        if monotonic() > last:
            raise ConfigError(
                f"{folder} is being written by {holder or 'another process'}: "
                "wait until that has ended, or choose another --output"
            )
        sleep(0.05)


def _is_ours(descriptor: int, path: Path) -> bool:
    """Whether the open file is locked by us, and still the one of that name."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return path.exists() and os.path.samestat(os.fstat(descriptor), path.stat())


def _myself() -> str:
    started = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
    return f"process {os.getpid()} on {socket.gethostname()}, begun {started}\n"


def _leave_to_parent() -> None:
    """A forked process must not keep the lock when the process that has it was killed."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
