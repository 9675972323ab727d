"""Weights, and with calibration images also activations, in 8 bits: ONNX Runtime's quantisation."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from cotrain.basics.seeds import derive_seed
from cotrain.data import Images
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.export.formats.exporters import needs_export_extra, silenced

if TYPE_CHECKING:
    from onnx import ModelProto

# Where the arithmetic is; normalising and combining, where rounding would show, stay float32.
_QUANTIZED = ["Conv", "Gemm", "MatMul"]
_BATCH = 16  # calibration images answered at once, of which every intermediate result is kept


def calibration_batches(
    images: Images, number: int, normalization: Preprocessing | None
) -> list[Tensor]:
    """Some images, drawn at random but always the same, as the file takes them.

    Args:
        images: Training images.
        number: How many.
        normalization: What is done to pixels before the file; None leaves them.
    """
    generator = torch.Generator().manual_seed(derive_seed(0, "calibration"))
    chosen = torch.randperm(len(images), generator=generator)[:number]
    batches = [images.pixels(part.tolist()) for part in chosen.split(_BATCH)]
    return [normalization.normalize(each) if normalization else each.float() for each in batches]


def quantize(model: "ModelProto", calibration: Sequence[Tensor]) -> "ModelProto":
    """The model with 8-bit convolutions and linear layers; inputs and outputs stay float32.

    Args:
        model: May be changed.
        calibration: Batches as the model takes them, from which the ranges of activations are
            taken once (static); where there are none they are taken from every batch (dynamic).
    """
    with needs_export_extra():
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic, quantize_static
    with TemporaryDirectory() as folder, silenced():
        path = Path(folder) / "model.onnx"
        if calibration:
            quantize_static(
                model,
                path,
                _Batches(calibration),  # type: ignore[arg-type]
                op_types_to_quantize=_QUANTIZED,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                # 7 bits for weights: sums of 8-bit products saturate on x86 without VNNI.
                reduce_range=True,
            )
        else:
            # The CPU's ConvInteger takes no signed weights.
            quantize_dynamic(
                model, path, op_types_to_quantize=_QUANTIZED, weight_type=QuantType.QUInt8
            )
        return onnx.load(path)


class _Batches:
    """Batches in the form in which the calibration asks for them, one after the other."""

    def __init__(self, batches: Sequence[Tensor]) -> None:
        self._batches: Iterator[Tensor] = iter(batches)

    def get_next(self) -> dict[str, Any] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"images": batch.numpy()}
