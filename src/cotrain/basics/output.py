"""Where a user asks for results: refused before any work where they could not be written."""

import os
from collections.abc import Callable
from pathlib import Path

from cotrain.basics.errors import ConfigError


def output_folder(path: Path | str) -> Path:
    """The folder that ``--output`` names, which need not exist.

    Raises:
        ConfigError: No name, one that the system does not take, or something that is no folder.
    """
    return _free_or(Path.is_dir, "folder", path, "--output")


def output_file(path: Path | str, flag: str = "--output") -> Path:
    """The file that a flag such as ``--output`` names, which need not exist.

    Raises:
        ConfigError: No name, one that the system does not take, or something that is no file.
    """
    return _free_or(Path.is_file, "regular file", path, flag)


def check_outside(folder: Path, root: Path | str) -> None:
    """Raise ConfigError if ``folder`` is that of the images, or lies in it."""
    inside, images = (os.path.realpath(each) for each in (folder, root))
    if Path(inside).is_relative_to(images):
        raise ConfigError(
            f"--output {folder} is inside data.root={root}, where it would be taken for images: "
            "choose another --output"
        )


def _free_or(kind: Callable[[Path], bool], what: str, path: Path | str, flag: str) -> Path:
    """The path, where nothing stands or something of this kind."""
    checked = _named(path, flag)
    if checked.exists() and not kind(checked):
        raise ConfigError(f"{flag} {path} is no {what}: choose another {flag}")
    return checked


def _named(path: Path | str, flag: str) -> Path:
    if not str(path):
        raise ConfigError(f"{flag} '' is empty: name where to write")
    try:
        os.lstat(path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:  # too long a name, a character of code 0
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"{flag} {str(path)[:80]!r}: {reason}: choose another") from None
    return Path(path)
