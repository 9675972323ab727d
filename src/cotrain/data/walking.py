"""The image files below a folder: each real file once, and what was passed over by kind."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cotrain.basics.errors import ConfigError
from cotrain.basics.watching import Watch
from cotrain.data.formats import endings

# Where systems and programs keep copies, thumbnails and what was deleted; in lower case.
_TOOL_FOLDERS = frozenset(
    {
        "@eadir",
        "@recycle",
        "@__thumb",
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        "__macosx",
        "__pycache__",
        "lost+found",
        "system volume information",
    }
)


@dataclass(frozen=True, kw_only=True)
class Walk:
    """What is below a folder.

    Args:
        files: Image files, sorted by their folder, then by their name.
        folders: Every folder that was walked, the root first, also those without images.
        left_out: How many entries were passed over, by reason: an ending such as ``.heic``,
            ``hidden``, and so on.
    """

    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def counted(left_out: Mapping[str, int]) -> str:
    """How many files were left out, by reason, in words."""
    return ", ".join(f"{count} {reason}" for reason, count in left_out.items())


def walk(root: str | Path) -> Walk:
    """Find every image file below ``root``.

    Hidden entries and the folders of tools are passed over. Links are followed after all real
    folders, to what was not found yet: a link that leads back into the tree, or to a folder above
    it, adds nothing.

    Raises:
        ConfigError: A folder that cannot be read.
    """
    found, links, file_links, watch = Walk(), [], [], Watch("finding images")
    top = os.path.realpath(root)
    walked, waiting = {top: str(root)}, [top]  # real folders, and the paths that they are seen as
    while waiting:
        watch.show(f"{len(found.files):,}")
        real = waiting.pop()
        for entry in _entries(walked[real], found):
            if entry.is_symlink():
                (links if os.path.isdir(entry.path) else file_links).append(entry.path)
            elif entry.is_dir():
                waiting.append(os.path.join(real, entry.name))
                walked[waiting[-1]] = entry.path
            elif entry.is_file():
                _add(entry.path, found)
            else:
                found.left_out["no regular file"] += 1
        if not waiting:
            waiting += _next_linked(links, walked, found)
    _add_linked_files(file_links, walked, found)
    found.folders.extend(walked.values())
    found.files.sort(key=os.path.split)
    return found


def _entries(folder: str, found: Walk) -> Iterator[os.DirEntry[str]]:
    """What is in a folder but for hidden entries."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.lower() in _TOOL_FOLDERS:
                    found.left_out["hidden"] += 1
                else:
                    yield entry
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be read ({error.strerror}): allow it, or move the folder away"
        ) from error


def _add(path: str, found: Walk) -> None:
    ending = os.path.splitext(path)[1].lower()
    if ending in endings():
        found.files.append(path)
    else:
        found.left_out[ending or "without an ending"] += 1


def _next_linked(links: list[str], walked: dict[str, str], found: Walk) -> list[str]:
    """Of the first link that leads to a folder not walked yet, the real folder; else nothing."""
    links.sort()
    while links:
        link = links.pop(0)
        real, place = os.path.realpath(link), os.path.realpath(os.path.dirname(link))
        if real in walked or any(_holds(real, each) for each in (place, *walked)):
            found.left_out["link to a folder that is walked already"] += 1
        else:
            walked[real] = link
            return [real]
    return []


def _holds(folder: str, path: str) -> bool:
    return path.startswith(folder.rstrip(os.sep) + os.sep)


def _add_linked_files(links: list[str], walked: dict[str, str], found: Walk) -> None:
    known = set(found.files) if links else set()
    for link in sorted(links):
        real = os.path.realpath(link)
        folder, name = os.path.split(real)
        if not os.path.isfile(link):
            found.left_out["broken link"] += 1
        elif real in known or os.path.join(walked.get(folder, ""), name) in known:
            found.left_out["link to a file that is found already"] += 1
        else:
            known.add(real)
            _add(link, found)
