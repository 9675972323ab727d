"""From an ensemble to the content of its files."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from cotrain.basics.seeds import derive_seed
from cotrain.data import Splits
from cotrain.ensemble.combining import OUTPUTS
from cotrain.ensemble.ensemble import Ensemble
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.export.description import Description
from cotrain.export.formats.onnx import to_bytes, to_model
from cotrain.export.formats.pt2 import to_graph, to_machine_code
from cotrain.export.formats.quantization import quantize
from cotrain.export.formats.tracing import refuse_untraceable, trace
from cotrain.export.program import EnsembleProgram, NetworkProgram

_BATCH = 16  # calibration images answered at once, of which every intermediate result is kept


def whole_file(
    ensemble: Ensemble, description: Description, calibration: Sequence[Tensor]
) -> bytes:
    """The file that holds the whole ensemble.

    Args:
        ensemble: On the CPU, in evaluation mode.
        description: What the file is, and says about itself.
        calibration: Batches as the file takes them, for int8.

    Raises:
        ConfigError: A network cannot be exported, or the format's library is not installed.
    """
    program = ensemble_program(ensemble, description, half=description.precision == "fp16")
    traced = _traced(program, ensemble, description)
    return _content(traced, OUTPUTS, description, calibration)


def split_files(
    ensemble: Ensemble, description: Description, calibration: Sequence[Tensor]
) -> dict[str, bytes]:
    """One file for each network by name, in their order; see ``whole_file``."""
    suffix = "onnx" if description.format == "onnx" else "pt2"
    files = {}
    for index, network in enumerate(ensemble.networks):
        program = NetworkProgram(
            [network],
            normalization=_normalization(description),
            half=description.precision == "fp16",
        )
        traced = _traced(program, ensemble, description)
        content = _content(traced, ("logits",), description, calibration)
        files[f"network_{index}.{suffix}"] = content
    return files


def ensemble_program(
    ensemble: Ensemble, description: Description, half: bool = False
) -> EnsembleProgram:
    """What a file with this description computes, in PyTorch."""
    return EnsembleProgram(
        ensemble.networks,
        combine=description.combine,
        normalization=_normalization(description),
        half=half,
    )


def calibration_batches(
    images: Splits, number: int, normalization: Preprocessing | None
) -> list[Tensor]:
    """Some training images, drawn at random but always the same, as the file takes them.

    Args:
        images: Whose training images.
        number: How many.
        normalization: What is done to pixels before the file; None leaves them.
    """
    generator = torch.Generator().manual_seed(derive_seed(0, "calibration"))
    chosen = torch.randperm(len(images.train), generator=generator)[:number]
    batches = [images.train.pixels(part.tolist()) for part in chosen.split(_BATCH)]
    return [normalization.normalize(each) if normalization else each.float() for each in batches]


def _normalization(description: Description) -> Preprocessing | None:
    return description.preprocessing if description.normalize else None


def _traced(program: nn.Module, ensemble: Ensemble, description: Description) -> ExportedProgram:
    try:
        return trace(program, description.image_shape)
    except Exception:  # whatever a network's own code raises
        refuse_untraceable(list(ensemble.networks), description.image_shape)
        raise


def _content(
    traced: ExportedProgram,
    outputs: tuple[str, ...],
    description: Description,
    calibration: Sequence[Tensor],
) -> bytes:
    """The bytes of one file."""
    if description.format == "aot":
        return to_machine_code(traced, description)
    if description.format == "torch-export":
        return to_graph(traced, description)
    model = to_model(traced, outputs)
    if description.precision == "int8":
        model = quantize(model, calibration)
    return to_bytes(model, description)
