"""The formats of exported files: how a file of each is written, told apart, and opened."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch import Tensor
from torch.export import ExportedProgram

from cotrain.basics.errors import ConfigError
from cotrain.config.export import Format, Precision
from cotrain.export.description import Description
from cotrain.export.formats.onnx import open_session, to_bytes, to_model
from cotrain.export.formats.pt2 import open_archive, to_graph, to_machine_code
from cotrain.export.formats.quantization import quantize

Runner = Callable[[Tensor], dict[str, Tensor]]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a file is made of.

    Args:
        graph: What it computes.
        outputs: Names of its outputs.
        description: What it says about itself.
        calibration: Batches as the file takes them, for int8.
    """

    graph: ExportedProgram
    outputs: Sequence[str]
    description: Description
    calibration: Sequence[Tensor]


class Opener(Protocol):
    def __call__(
        self, path: Path, /, *, threads: int | None, parallel: int
    ) -> tuple[str, Runner]: ...


@dataclass(frozen=True, kw_only=True)
class FileFormat:
    """A kind of file.

    Args:
        suffix: How its name ends.
        signature: What it begins with; nothing if that differs.
        precisions: What its networks can compute in.
        parallel: Whether one file can run several networks at once.
        write: Its content.
        open: The description (JSON) in it, and what answers float32 images on the CPU, with
            ``threads`` cores for one operation (the library's choice if None) and ``parallel``
            networks at once, where its runtime lets them be chosen.
    """

    suffix: str
    signature: bytes
    precisions: Sequence[Precision]
    parallel: bool
    write: Callable[[Draft], bytes]
    open: Opener


def _write_onnx(draft: Draft) -> bytes:
    model = to_model(draft.graph, draft.outputs)
    if draft.description.precision == "int8":
        model = quantize(model, draft.calibration)
    return to_bytes(model, draft.description)


def _archive(write: Callable[[Draft], bytes]) -> FileFormat:
    """A .pt2 file, which is a zip."""
    return FileFormat(
        suffix=".pt2",
        signature=b"PK\x03\x04",
        precisions=("fp32", "fp16"),
        parallel=False,
        write=write,
        open=open_archive,
    )


FORMATS: dict[Format, FileFormat] = {
    "torch-export": _archive(lambda draft: to_graph(draft.graph, draft.description)),
    "aot": _archive(lambda draft: to_machine_code(draft.graph, draft.description)),
    "onnx": FileFormat(
        suffix=".onnx",
        signature=b"",
        precisions=("fp32", "fp16", "int8"),
        parallel=True,
        write=_write_onnx,
        open=open_session,
    ),
}


def open_file(path: Path, *, threads: int | None, parallel: int) -> tuple[Description, Runner]:
    """What the file says about itself, and what answers float32 images on the CPU.

    Args:
        path: The file; its content tells the format.
        threads: Cores for one operation of ONNX Runtime; its own choice if None.
        parallel: Branches that ONNX Runtime runs at once.

    Raises:
        ConfigError: The file is damaged, or not from here.
    """
    with open(path, "rb") as file:
        begin = file.read(max(len(each.signature) for each in FORMATS.values()))
    # Formats with a signature come first.
    found = next(each for each in FORMATS.values() if begin.startswith(each.signature))
    record, run = found.open(path, threads=threads, parallel=parallel)
    if not record:
        raise ConfigError(f"{path} was not written by cotrain export: it does not describe itself")
    return Description.from_json(record, path), run
