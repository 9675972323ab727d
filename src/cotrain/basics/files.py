"""Files that are whole or absent: written aside, flushed to disk, then renamed into place."""

import errno
import hashlib
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from cotrain.basics.errors import TrainingError


def atomic_write(
    path: Path | str, content: bytes | memoryview, previous: Path | None = None
) -> None:
    """Replace ``path`` by ``content`` so that a crash leaves the old file or the new one.

    Args:
        path: The file, or a link to it; its folder is made.
        content: All of it.
        previous: Where the old file is kept.

    Raises:
        TrainingError: The disk is full, the folder cannot be written, or ``path`` is something
            else than a file; what was there is kept.
    """
    named, path = path, Path(os.path.realpath(path))
    temporary = path.with_name(path.name + ".tmp")
    try:
        _check_replaceable(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if previous and path.exists():
            _keep(path, previous)
        os.replace(temporary, path)
        _flush_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise unwritable(named, error) from error


def _check_replaceable(path: Path) -> None:
    """Raise OSError where a rename would put a file in the place of a folder or a device."""
    if path.is_dir():
        raise OSError(errno.EISDIR, "Is a directory")
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "Not a regular file")


def write_json(path: Path | str, record: Any) -> None:
    """Replace ``path`` by a record of JSON-able values, as ``atomic_write`` does."""
    atomic_write(path, (json.dumps(record, indent=2) + "\n").encode())


def _keep(path: Path, previous: Path) -> None:
    """Make ``previous`` a second name of the file, or a copy where the file system has no links."""
    link = previous.with_name(previous.name + ".tmp")
    link.unlink(missing_ok=True)
    try:
        os.link(path, link)
    except OSError:
        shutil.copyfile(path, link)
    os.replace(link, previous)


def unwritable(path: Path | str, error: OSError) -> TrainingError:
    """The error for a file or folder that cannot be written, with the system's reason."""
    return TrainingError(
        f"cannot write {path}: {error.strerror}; "
        "free space or choose another --output; what was saved before is kept"
    )


def _flush_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut, where the system lets folders be opened."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest(content: bytes | memoryview) -> str:
    """SHA-256 of the content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def user_cache() -> Path:
    """The user's folder for what can be made again, which need not be there."""
    folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(folder) / "cotrain"
