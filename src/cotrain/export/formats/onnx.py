"""ONNX: the graph and its weights in one file that ONNX Runtime answers with."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.export import ExportedProgram

from cotrain.basics.errors import ConfigError
from cotrain.export.description import KEY, Description
from cotrain.export.formats.exporters import needs_export_extra, reason, silenced

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from onnx import ModelProto

_LARGEST = 2**31 - 1  # of a protobuf message, in bytes


def to_model(traced: ExportedProgram, outputs: Sequence[str]) -> "ModelProto":
    """The graph as an ONNX model with input ``images`` [batch, C, H, W].

    Raises:
        ConfigError: An operation has no counterpart in ONNX, or the extra is not installed.
    """
    with needs_export_extra():
        import onnxscript  # noqa: F401 - torch.onnx would name it, but not where it comes from
    try:
        with silenced():
            program = torch.onnx.export(
                traced,
                dynamo=True,
                verbose=False,
                input_names=["images"],
                output_names=list(outputs),
                dynamic_shapes=({0: "batch"},),  # names the axis
            )
    except torch.onnx.errors.OnnxExporterError as error:
        raise ConfigError(f"format='onnx': {reason(error)}: use --format torch-export") from error
    model = program.model_proto  # type: ignore[union-attr]
    for node in model.graph.node:
        del node.metadata_props[:]  # where in which source file it comes from
    return model


def to_bytes(model: "ModelProto", description: Description) -> bytes:
    """The file, which holds the description.

    Raises:
        ConfigError: It would be larger than ONNX files can be.
    """
    from onnx import helper

    helper.set_model_props(model, {KEY: description.to_json()})
    if model.ByteSize() > _LARGEST:
        raise ConfigError("format='onnx' holds at most 2 GB: use --split, or --format torch-export")
    return model.SerializeToString()


def open_session(
    path: Path, /, *, threads: int | None, parallel: int
) -> tuple[str, Callable[[Tensor], dict[str, Tensor]]]:
    """The description (JSON) in the file, and what answers images on the CPU.

    Args:
        path: The file.
        threads: Cores that one operation uses; ONNX Runtime's choice if None.
        parallel: Branches that are run at once.

    Raises:
        ConfigError: Not an ONNX file, one that is not from here, or that reads other files.
    """
    with needs_export_extra():
        import onnxruntime
    content = _self_contained(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    if parallel > 1:
        options.execution_mode = onnxruntime.ExecutionMode.ORT_PARALLEL
        options.inter_op_num_threads = parallel
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of onnxruntime's own classes, which have no common one
        raise ConfigError(
            f"{path} is not an exported ensemble ({reason(error)}): export it again"
        ) from None
    names = [output.name for output in session.get_outputs()]

    def run(images: Tensor) -> dict[str, Tensor]:
        found: Any = session.run(names, {"images": images.numpy()})
        return dict(zip(names, map(torch.from_numpy, found), strict=True))

    return session.get_modelmeta().custom_metadata_map.get(KEY, ""), run


def _self_contained(path: Path) -> bytes:
    """The content, if it names no other file: such names can be those of any file here.

    Raises:
        ConfigError: It is no ONNX file, or keeps weights outside.
    """
    with needs_export_extra():
        from onnx import ModelProto
    content = path.read_bytes()
    try:
        model = ModelProto.FromString(content)
    except Exception as error:  # of protobuf's own classes
        raise ConfigError(
            f"{path} is not an exported ensemble ({reason(error)}): export it again"
        ) from None
    if _names_files(model):
        raise ConfigError(
            f"{path} keeps weights in other files, which are not read: "
            "give an ONNX file that holds all"
        )
    return content


def _names_files(message: "Message") -> bool:
    """Whether a tensor anywhere below has its data outside the model."""
    for field, value in message.ListFields():
        if field.name in ("external_data", "data_location"):
            return True
        if field.message_type is not None:
            parts = [value] if hasattr(value, "ListFields") else value
            if any(map(_names_files, parts)):
                return True
    return False
