"""WebDataset: images in tar files, called shards, that are read one after the other."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import torch

from cotrain.basics.errors import ConfigError
from cotrain.basics.watching import Watch
from cotrain.config import Data
from cotrain.data.decoding import UnreadableImageError
from cotrain.data.labelled_source import labelled_source
from cotrain.data.part_names import PARTS_BY_NAME
from cotrain.data.shard_index import Index, ShardImage, shard_index
from cotrain.data.sources import Source
from cotrain.data.stored import NamedBytes

_OPEN = 8  # shards at once, twice as many as an epoch's order mixes


@dataclass(frozen=True, kw_only=True, eq=False)
class ShardImages:
    """The images of all shards: what is ``Stored``.

    Args:
        paths: The shards.
        members: The images, shard by shard.
        shards: The number of each one's shard.
        threads: How many may ask at once.
    """

    paths: Sequence[str]
    members: Sequence[ShardImage]
    shards: Sequence[int]
    threads: int = 4

    def __len__(self) -> int:
        return len(self.members)

    def name(self, index: int) -> str:
        return f"{os.path.basename(self.paths[self.shards[index]])}:{self.members[index].name}"

    def __getitem__(self, index: int, /) -> NamedBytes:
        path, member = self.paths[self.shards[index]], self.members[index]
        _read_ahead(path, os.getpid())
        with open(path, "rb") as file:
            content = os.pread(file.fileno(), member.size, member.offset)
        if len(content) < member.size:
            raise UnreadableImageError(f"{path} was cut short: copy it again", "shard cut short")
        return NamedBytes(content, self.name(index))


@lru_cache(maxsize=_OPEN)
def _read_ahead(path: str, _: int) -> None:
    """Have the system read a whole shard in sequence, once for each process that begins it."""
    if hasattr(os, "posix_fadvise"):
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)


def shards_source(data: Data, classes: Sequence[str] | None = None) -> Source:
    """The images of the shards below ``data.root``; nothing is decoded.

    Args:
        data: The folder, and what JSON calls the class.
        classes: The classes that are known, of which the images may lack some; if None they are
            those that are trained on.

    Raises:
        ConfigError: There are no shards, one cannot be read, or an image has no class.
    """
    if data.root is None or not os.path.isdir(data.root):
        raise ConfigError(f"data.root={data.root!r} is not a folder: give the folder of the shards")
    paths = sorted(Path(data.root).rglob("*.tar"))
    if not paths:
        raise ConfigError(f"data.root={data.root!r} holds no .tar file: give the folder of shards")
    found = list(_indices(paths, data))
    members = [member for index in found for member in index.members]
    shards = [number for number, index in enumerate(found) for _ in index.members]
    part_of = _parts(paths, data)
    parts: dict[str, list[int]] = {}
    for image, shard in enumerate(shards):
        parts.setdefault(part_of[shard], []).append(image)
    for part, path in zip(part_of, paths, strict=True):
        if part not in parts:
            raise ConfigError(
                f"the {part} part ({path}) has no image with a class: give them, or move its "
                "shards away for another part to be drawn"
            )
    missing = sum(len(index.incomplete) for index in found)
    source = labelled_source(
        ShardImages(paths=[str(path) for path in paths], members=members, shards=shards),
        [member.label for member in members],
        parts,
        data,
        classes=classes,
        left_out={"keys without an image or a class": missing} if missing else {},
        notes=[f"{len(paths)} shards"],
    )
    return replace(source, shards=torch.tensor(shards, dtype=torch.int64))


def _indices(paths: Sequence[Path], data: Data) -> Iterator[Index]:
    watch = Watch("looking into shards")
    for number, path in enumerate(paths):
        watch.show(f"{number:,} of {len(paths):,}")
        index = shard_index(path, data.label_column)
        if index.incomplete and data.unreadable == "error":
            key, lack = next(iter(index.incomplete.items()))
            raise ConfigError(
                f"{path}: {key} has {lack}, as {len(index.incomplete)} of its "
                f"{len(index.incomplete) + len(index.members)} keys: write the class into "
                f"{os.path.basename(key)}.cls or .json (--data.label_column), or leave them out "
                "with --data.unreadable skip"
            )
        yield index


def _parts(paths: Sequence[Path], data: Data) -> list[str]:
    """The part of each shard, by its name or that of its folder; train where none has one."""
    named = [_part(path.relative_to(str(data.root))) for path in paths]
    if not any(named):
        return ["train"] * len(paths)
    for path, part in zip(paths, named, strict=True):
        if part is None:
            raise ConfigError(
                f"{path} does not say whether it is train, val or test, as others do: call it so"
            )
    return [str(part) for part in named]


def _part(path: Path) -> str | None:
    words = [word.lower() for word in re.findall(r"[A-Za-z]+", str(path.with_suffix("")))]
    parts = {PARTS_BY_NAME[word] for word in words if word in PARTS_BY_NAME}
    return parts.pop() if len(parts) == 1 else None
