"""A split folder: one file for each network, for a device each, and what makes them an ensemble."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.files import atomic_write, digest
from cotrain.basics.reading import parse_json, read_text
from cotrain.ensemble.combining import outputs_of
from cotrain.export.description import Description
from cotrain.export.formats.registry import OF_NETWORK, Runner, open_file

MANIFEST = "manifest.json"

Ask = Callable[[int, Tensor], Tensor]


def _manifest(files: Mapping[str, bytes], description: Description) -> bytes:
    """The manifest: names and digests of the files in the order of the networks, and the rest."""
    record = {
        "files": [{"name": name, "sha256": digest(content)} for name, content in files.items()],
        **json.loads(description.to_json()),
    }
    return (json.dumps(record, indent=2) + "\n").encode()


def open_split(
    folder: Path, *, threads: int | None, parallel: int, trust: bool
) -> tuple[Description, Runner, Ask]:
    """The manifest's description, and what answers float32 images: all networks, or one of them.

    Args:
        folder: With ``manifest.json``.
        threads: Cores for one operation of a network; ONNX Runtime's choice if None.
        parallel: Networks run at once, each in a thread.
        trust: Whether files that can run code are opened.

    Raises:
        ConfigError: A file is missing, was changed, cannot be loaded, or is of another ensemble.
    """
    path = folder / MANIFEST
    text = read_text(path)
    description = Description.from_json(text, path)
    entries = _entries(text, path)
    if len(entries) != description.into:
        raise ConfigError(
            f"{path} names {len(entries)} files for S={description.into} networks: export again"
        )
    networks = []
    for name, expected in entries:
        file = _checked(folder, name, expected)
        found, network = open_file(
            file, threads=threads, parallel=1, trust=trust, outputs=OF_NETWORK
        )
        if found != description:
            raise ConfigError(f"{file} is of another ensemble than {path} says: export it again")
        networks.append(network)
    pool = ThreadPoolExecutor(parallel)

    def run(images: Tensor) -> dict[str, Tensor]:
        found = pool.map(lambda network: network(images)["logits"], networks)
        logits = torch.stack(list(found))
        return outputs_of(logits, description.combine, description.calibration)

    return description, run, lambda index, images: networks[index](images)["logits"]


def _entries(text: str, path: Path) -> list[tuple[str, str]]:
    """Name and digest of every file that the manifest names."""
    try:
        files = parse_json(text, str(path))["files"]
        return [(str(each["name"]), str(each["sha256"])) for each in files]
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{path}: its files are damaged ({error!r}): export it again") from None


def _checked(folder: Path, name: str, expected: str) -> Path:
    """The path of a file of the manifest, if it is whole and inside the folder."""
    path = folder / name
    if Path(name).name != name or not path.is_file():
        raise ConfigError(f"{path} is missing: copy all files of {folder / MANIFEST} again")
    if digest(path.read_bytes()) != expected:
        raise ConfigError(f"{path} was changed or cut after it was exported: copy it again")
    return path


def write_split(folder: Path, files: Mapping[str, bytes], description: Description) -> None:
    """Write the networks, then the manifest, whose presence makes the folder whole."""
    for name, content in files.items():
        atomic_write(folder / name, content)
    atomic_write(folder / MANIFEST, _manifest(files, description))
