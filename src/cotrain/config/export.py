"""How an ensemble becomes a file."""

from dataclasses import dataclass
from typing import Literal

from cotrain.config.limits import at_least, bounded

Format = Literal["onnx", "torch-export", "aot"]
Precision = Literal["fp32", "fp16", "int8"]


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """How an ensemble is exported.

    Args:
        format: ``onnx``; ``torch-export``, a graph for PyTorch; or ``aot``, machine code of the
            CPU of this machine for PyTorch's C++ runtime.
        precision: What the networks compute in. Images and answers stay float32.
        split: A folder with one file for each network and a manifest.
        normalize: Take pixels in 0..255 and normalise them inside; None does so if it is known
            how.
        calibration_images: Training images from which the ranges of int8 activations are taken
            once; 0 takes them from every batch that is answered.
    """

    format: Format
    precision: Precision = "fp32"
    split: bool = False
    normalize: bool | None = None
    calibration_images: int = bounded(0, at_least(0))
