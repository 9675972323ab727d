"""``cotrain export``: the whole ensemble in one file."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from cotrain.config import Data


def export(
    ensemble: str,
    *,
    format: Literal["onnx", "torch-export", "aot"],
    output: str,
    precision: Literal["fp32", "fp16", "int8"] = "fp32",
    split: bool = False,
    normalize: bool | None = None,
    calibrated: bool = True,
    calibration_images: int = 0,
    data: Data | None = None,
) -> None:
    """Ship the whole ensemble as one file that runs without cotrain, checked against PyTorch.

    Args:
        ensemble: An ensemble's folder, or a run folder.
        format: onnx; torch-export, a graph for PyTorch; or aot, machine code of this CPU.
        output: File to write (.onnx or .pt2), or the folder of --split.
        precision: fp32, fp16, or int8 (ONNX only); what it costs in accuracy is measured.
        split: Write a folder: one file for each network, and a manifest.
        normalize: Take pixels in 0..255 and normalise them in the file; done where it is known
            how, if not given.
        calibrated: Put what cotrain calibrate found into the file, too.
        calibration_images: Training images from which int8 takes the ranges of activations once;
            0 takes them from every batch.
        data: Images to check and measure on; fp16 and int8 use those of the run if not given.
    """
    from cotrain.ensemble.ensemble import load_shipped
    from cotrain.evaluation.images import images_of_parts
    from cotrain.export import ExportOptions, export_ensemble

    loaded = load_shipped(Path(ensemble))
    if not calibrated:
        loaded.spec = replace(loaded.spec, calibration=None)
    options = ExportOptions(
        format=format,
        precision=precision,
        split=split,
        normalize=normalize,
        calibration_images=calibration_images,
    )
    images = None
    if data is not None or precision != "fp32":
        images = images_of_parts(Path(ensemble), loaded, data)
    written = export_ensemble(loaded, output, options, images)
    if images is not None:
        images.show()
    print(written.summary())
