"""What a shard holds, a tar file of WebDataset's: where each image lies in it, and its class."""

import json
import os
import tarfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cotrain.basics.errors import ConfigError, TrainingError
from cotrain.basics.files import atomic_write, digest, user_cache
from cotrain.basics.text import one_line
from cotrain.data.formats import endings
from cotrain.data.user_labels import FRACTION

_FORMAT = 2
_LABELS = ("label", "class", "target", "cls", "class_name")  # what people call it in JSON
_LONGEST = 2**20  # bytes of a member that says a class


@dataclass(frozen=True, kw_only=True)
class ShardImage:
    """One image in a shard.

    Args:
        name: Its key with its ending, such as ``000123.jpg``.
        offset: Where its bytes begin.
        size: How many there are.
        label: Its class.
    """

    name: str
    offset: int
    size: int
    label: str


@dataclass(frozen=True, kw_only=True)
class Index:
    """The images of a shard, in the order in which they lie.

    Args:
        members: Those that have a class.
        incomplete: Keys that have no image or no class, and which of both.
    """

    members: list[ShardImage] = field(default_factory=list[ShardImage])
    incomplete: dict[str, str] = field(default_factory=dict[str, str])


def shard_index(path: Path, label: str | None) -> Index:
    """The images of a shard: kept in the user's cache folder until the file changes.

    Args:
        path: The tar file.
        label: What JSON calls the class; if None ``.cls`` says it, or JSON by a usual name.

    Raises:
        ConfigError: The file cannot be read, or is cut short; or a key has two images.
    """
    state = path.stat()
    key = [_FORMAT, str(path.resolve()), state.st_size, state.st_mtime_ns, label]
    kept = user_cache() / "shards" / f"{digest(json.dumps(key).encode())}.json"
    try:
        found = json.loads(kept.read_text(encoding="utf-8"))
        members = [ShardImage(**each) for each in found["members"]]
        return Index(members=members, incomplete=dict(found["incomplete"]))
    except (OSError, ValueError, KeyError, TypeError):
        index = _read(path, state.st_size, label)
    content = {"members": [vars(each) for each in index.members], "incomplete": index.incomplete}
    with suppress(TrainingError):  # only time is lost
        atomic_write(kept, json.dumps(content).encode())
    return index


def _read(path: Path, size: int, label: str | None) -> Index:
    index = Index()
    with open(path, "rb") as file:
        for key, parts in _samples(path, size).items():
            image = _image(path, key, parts)
            found = _label(file.fileno(), f"{path.name}:{key}", parts, label)
            if image is None or found is None:
                index.incomplete[key] = "no image" if image is None else "no class"
                continue
            ending, member = image
            index.members.append(
                ShardImage(
                    name=f"{key}.{ending}",
                    offset=member.offset_data,
                    size=member.size,
                    label=found,
                )
            )
    return index


def _samples(path: Path, size: int) -> Mapping[str, dict[str, tarfile.TarInfo]]:
    """The members of each key by their endings; the key ends at the first point of the name."""
    samples: dict[str, dict[str, tarfile.TarInfo]] = defaultdict(dict)
    for member in _members(path):
        folder, _, name = member.name.rpartition("/")
        key, point, ending = name.partition(".")
        if not point or not key:
            continue
        if member.offset_data + member.size > size:
            raise ConfigError(f"{path} is cut short in {member.name}: copy it again")
        parts, ending = samples[f"{folder}/{key}" if folder else key], ending.lower()
        if ending in parts:
            raise ConfigError(f"{path} has {member.name} twice: give every image a key of its own")
        parts[ending] = member
    return samples


def _members(path: Path) -> Iterator[tarfile.TarInfo]:
    try:
        with tarfile.open(path, "r:") as shard:
            yield from (member for member in shard if member.isreg())
            _check_end(path, shard.offset)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ConfigError(
            f"{path} cannot be read as a tar file that is not compressed ({one_line(error)}): "
            "copy it again, or unpack it"
        ) from error


def _check_end(path: Path, offset: int) -> None:
    """Raise ConfigError unless zeros end the shard here: tarfile takes any damage for the end."""
    with open(path, "rb") as file:
        file.seek(offset)
        rest = file.read(_LONGEST)
    if len(rest) < tarfile.BLOCKSIZE:
        raise ConfigError(f"{path} is cut short: it has no end: copy it again")
    if rest.strip(b"\0"):
        raise ConfigError(
            f"{path} is damaged, or several tar files in one, at byte {offset}, after which "
            "nothing would be read: copy it again, or give each file apart"
        )


def _image(
    path: Path, key: str, parts: Mapping[str, tarfile.TarInfo]
) -> tuple[str, tarfile.TarInfo] | None:
    known = endings()
    images = [ending for ending in parts if f".{ending}" in known]
    if len(images) > 1:
        raise ConfigError(f"{path}: {key} has {len(images)} images {images}: leave one")
    return (images[0], parts[images[0]]) if images else None


def _label(
    file: int, name: str, parts: Mapping[str, tarfile.TarInfo], asked: str | None
) -> str | None:
    """The class of a key; None if nothing says one."""
    if asked is None and "cls" in parts:
        return _checked(_text(file, name, parts["cls"]), f"{name}.cls")
    if "json" not in parts:
        return None
    try:
        found: Any = json.loads(_text(file, name, parts["json"]))
    except (ValueError, RecursionError):
        raise ConfigError(f"{name}.json is no JSON: mend it") from None
    if not isinstance(found, dict):
        return None
    names = [asked] if asked is not None else [each for each in _LABELS if each in found]
    if len(names) > 1:
        raise ConfigError(f"{name}.json may have its class in {names}: give --data.label_column")
    value = found.get(names[0]) if names else None
    if value is None or value == "":
        return None
    if not isinstance(value, int | str) or isinstance(value, bool):
        raise ConfigError(
            f"{name}.json has {names[0]} {one_line(repr(value))[:60]}, which is neither a name nor "
            "a whole number: give --data.label_column"
        )
    return _checked(str(value), f"{name}.json")


def _checked(label: str, place: str) -> str | None:
    """The name of a class; None where it is empty."""
    label = label.strip()
    if label.lower() == "nan" or FRACTION.fullmatch(label) or len(label.splitlines()) > 1:
        raise ConfigError(
            f"{place} has {one_line(repr(label))[:60]}, which is neither a name nor a whole "
            "number: mend it"
        )
    return label or None


def _text(file: int, name: str, member: tarfile.TarInfo) -> str:
    content = os.pread(file, min(member.size, _LONGEST), member.offset_data)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{name}: its class is no text in UTF-8: mend it") from None
