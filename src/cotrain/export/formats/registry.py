"""Opening one exported file, whichever format it has."""

from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.export.description import Description
from cotrain.export.formats.onnx import open_session
from cotrain.export.formats.pt2 import open_archive

Run = Callable[[Tensor], dict[str, Tensor]]
_ZIP = b"PK\x03\x04"


def open_file(path: Path, *, threads: int | None, parallel: int) -> tuple[Description, Run]:
    """What the file says about itself, and what answers float32 images on the CPU.

    Args:
        path: The file; its content tells the format.
        threads: Cores for one operation of ONNX Runtime; its own choice if None.
        parallel: Branches that ONNX Runtime runs at once.

    Raises:
        ConfigError: The file is damaged, or not from here.
    """
    with open(path, "rb") as file:
        is_archive = file.read(len(_ZIP)) == _ZIP
    if is_archive:
        record, run = open_archive(path)
    else:
        record, run = open_session(path, threads=threads, parallel=parallel)
    if not record:
        raise ConfigError(f"{path} was not written by cotrain export: it does not describe itself")
    return Description.from_json(record, path), run
