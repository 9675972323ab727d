"""Weights, and with calibration images also activations, in 8 bits: ONNX Runtime's quantisation."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from torch import Tensor

from cotrain.export.formats.onnx import needs_export_extra
from cotrain.export.formats.tracing import quiet

if TYPE_CHECKING:
    from onnx import ModelProto

# Where the arithmetic is; normalising and combining, where rounding would show, stay float32.
_QUANTIZED = ["Conv", "Gemm", "MatMul"]


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
    with TemporaryDirectory() as folder, quiet():
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
