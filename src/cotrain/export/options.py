"""How an ensemble is exported, and which choices fit together."""

from pathlib import Path

from cotrain.basics.errors import ConfigError
from cotrain.config import ExportOptions, check_settings
from cotrain.data import Splits
from cotrain.data.splits import held_out
from cotrain.ensemble.spec import EnsembleSpec
from cotrain.export.formats.registry import FORMATS


def check_export(
    options: ExportOptions, output: Path, spec: EnsembleSpec, images: Splits | None
) -> None:
    """Raise ConfigError if the options contradict each other, the ensemble or the output."""
    check_settings(options)
    _check_output(options, output)
    if options.normalize and spec.preprocessing is None:
        raise ConfigError(
            "normalize=True, but the ensemble's spec has no preprocessing: use --normalize false"
        )
    possible = FORMATS[options.format].precisions
    if options.precision not in possible:
        others = [name for name, each in FORMATS.items() if options.precision in each.precisions]
        raise ConfigError(
            f"precision={options.precision!r} needs kernels that format={options.format!r} has "
            f"not: use --format {' or '.join(others)}, or --precision {possible[-1]}"
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
    suffix = FORMATS[options.format].suffix
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
    if number > most:
        raise ConfigError(
            f"calibration_images={number} is not between 0 and the {most} training images"
        )
