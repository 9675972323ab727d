"""How an ensemble is exported, and which choices fit together."""

from dataclasses import dataclass
from pathlib import Path

from cotrain.data import Splits
from cotrain.ensemble_spec import EnsembleSpec
from cotrain.errors import ConfigError
from cotrain.export.checking import held_out
from cotrain.export.description import Format, Precision


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
    calibration_images: int = 0


def check_options(
    options: ExportOptions, output: Path, spec: EnsembleSpec, images: Splits | None
) -> None:
    """Raise ConfigError if the options contradict each other, the ensemble or the output."""
    _check_output(options, output)
    if options.normalize and spec.preprocessing is None:
        raise ConfigError(
            "normalize=True, but the ensemble's spec has no preprocessing: use --normalize false"
        )
    if options.precision == "int8" and options.format != "onnx":
        raise ConfigError(
            f"precision='int8' needs ONNX Runtime's kernels, which format={options.format!r} has "
            "not: use --format onnx, or --precision fp16"
        )
    if options.precision != "fp32" and images is None:
        raise ConfigError(
            f"precision={options.precision!r} costs accuracy, which is measured on images that "
            "did not train: give --data.dataset and --data.root"
        )
    if options.precision != "fp32" and images is not None:
        held_out(images)
    _check_calibration(options, images)


def _check_output(options: ExportOptions, output: Path) -> None:
    if not output.resolve().parent.is_dir():
        raise ConfigError(f"output={str(output)!r}: there is no folder {output.parent}: make it")
    if options.split:
        if output.is_file():
            raise ConfigError(f"output={str(output)!r} is a file: --split writes a folder")
        return
    suffix = ".onnx" if options.format == "onnx" else ".pt2"
    if output.suffix != suffix or output.is_dir():
        raise ConfigError(
            f"output={str(output)!r}: format={options.format!r} writes one file whose name ends "
            f"in {suffix}"
        )


def _check_calibration(options: ExportOptions, images: Splits | None) -> None:
    number = options.calibration_images
    most = len(images.train) if images is not None else 0
    if number and options.precision != "int8":
        raise ConfigError(f"calibration_images={number} is for --precision int8 only: leave it out")
    if not 0 <= number <= most:
        raise ConfigError(
            f"calibration_images={number} is not between 0 and the {most} training images"
        )
