"""The formats of exported files: how a file of each is written, told apart, and opened."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor
from torch.export import ExportedProgram

from cotrain.basics.errors import ConfigError
from cotrain.config.export import Format, Precision
from cotrain.export.description import Description
from cotrain.export.formats.exporters import reason
from cotrain.export.formats.onnx import open_session, to_bytes, to_model
from cotrain.export.formats.pt2 import open_archive, to_graph, to_machine_code
from cotrain.export.formats.quantization import quantize

Runner = Callable[[Tensor], dict[str, Tensor]]

# What the file of an ensemble gives, and that of one network of a split folder: the axes of each.
OF_ENSEMBLE = {
    "probabilities": "BC",
    "disagreement": "B",
    "mutual_information": "B",
    "logits": "SBC",
}
OF_NETWORK = {"logits": "BC"}


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
        runs_code: Whether opening a file can run any program that its maker put into it.
        precisions: What its networks can compute in.
        parallel: Whether one file can run several networks at once.
        write: Its content.
        open: The description (JSON) in it, and what answers float32 images on the CPU, with
            ``threads`` cores for one operation (the library's choice if None) and ``parallel``
            networks at once, where its runtime lets them be chosen.
    """

    suffix: str
    signature: bytes
    runs_code: bool
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
        runs_code=True,
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
        runs_code=False,
        precisions=("fp32", "fp16", "int8"),
        parallel=True,
        write=_write_onnx,
        open=open_session,
    ),
}


def open_file(
    path: Path,
    *,
    threads: int | None,
    parallel: int,
    trust: bool,
    outputs: Mapping[str, str] = OF_ENSEMBLE,
) -> tuple[Description, Runner]:
    """What the file says about itself, and what answers float32 images on the CPU.

    Args:
        path: The file; its content tells the format.
        threads: Cores for one operation of ONNX Runtime; its own choice if None.
        parallel: Branches that ONNX Runtime runs at once.
        trust: Whether files that can run code are opened.
        outputs: Names and axes of what it has to give.

    Raises:
        ConfigError: The file is damaged, not from here, gives something else, has the name of
            another format, or can run code and is not trusted.
    """
    found = _format_of(path)
    if found.runs_code and not trust:
        raise ConfigError(
            f"{path} is a {found.suffix} archive, which can run any program when it is opened: add "
            "--trust (trust=True in Python) if you trust who made it, or ask for an ONNX file"
        )
    record, run = found.open(path, threads=threads, parallel=parallel)
    if not record:
        raise ConfigError(f"{path} was not written by cotrain export: it does not describe itself")
    description = Description.from_json(record, path)
    if FORMATS[description.format].suffix != found.suffix:
        raise ConfigError(
            f"{path} calls itself {description.format}, and is {found.suffix} by its content: "
            "export it again"
        )
    answer = _checked(run, path, description, outputs)
    answer(torch.zeros(1, *description.image_shape))  # what cannot answer is refused at once
    return description, answer


def _format_of(path: Path) -> FileFormat:
    """The format by content, which the name must not contradict."""
    with open(path, "rb") as file:
        begin = file.read(max(len(each.signature) for each in FORMATS.values()))
    # Formats with a signature come first.
    found = next(each for each in FORMATS.values() if begin.startswith(each.signature))
    suffixes = {each.suffix for each in FORMATS.values()}
    if path.suffix.lower() in suffixes - {found.suffix}:
        raise ConfigError(
            f"{path} is no {path.suffix} file by its content, which is that of {found.suffix} or "
            "damaged: export it again"
        )
    return found


def _checked(
    run: Runner, path: Path, description: Description, outputs: Mapping[str, str]
) -> Runner:
    """Raise ConfigError where a file does not answer, or not in these shapes."""

    def answer(images: Tensor) -> dict[str, Tensor]:
        sizes = {"S": description.into, "B": len(images), "C": description.num_classes}
        expected = {name: tuple(sizes[axis] for axis in axes) for name, axes in outputs.items()}
        try:
            found = run(images)
        except Exception as error:  # of the runtimes' own classes, which have no common one
            raise ConfigError(f"{path} cannot answer ({reason(error)}): export it again") from None
        shapes = {name: tuple(each.shape) for name, each in found.items()}
        if shapes != expected:
            raise ConfigError(f"{path} gives {shapes}, not {expected}: export it again")
        return found

    return answer
