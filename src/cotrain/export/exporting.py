"""Export an ensemble: convert it, check the result against PyTorch, and only then write it."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from cotrain.basics.files import atomic_write
from cotrain.basics.machine import __version__
from cotrain.config import ExportOptions
from cotrain.data import Splits
from cotrain.ensemble.ensemble import Ensemble
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.evaluation.scores import check_classes
from cotrain.export.checking import (
    BATCH_SIZES,
    Cost,
    Difference,
    compare,
    measure_cost,
    random_batches,
    refuse_difference,
)
from cotrain.export.converting import (
    calibration_batches,
    ensemble_program,
    split_files,
    whole_file,
)
from cotrain.export.description import Description
from cotrain.export.exported import Exported, load_exported
from cotrain.export.options import check_options
from cotrain.export.split import manifest_of, write_split
from cotrain.export.summary import Report
from cotrain.networks.evaluating import evaluating


def export_ensemble(
    ensemble: Ensemble,
    output: Path | str,
    options: ExportOptions,
    images: Splits | None = None,
) -> Report:
    """Write the whole ensemble into one file, or into a folder of one file for each network.

    Args:
        ensemble: Is moved to the CPU.
        output: The file (.onnx or .pt2), or the folder if ``options.split``; its parent exists.
        options: Format, precision and so on.
        images: Images of the ensemble's classes: some are compared beside random ones, and what a
            lower precision costs is measured on them.

    Raises:
        ConfigError: Options that do not fit, a network that cannot be exported (the message names
            it), or a file that does not answer as PyTorch does; nothing is written then.
        TrainingError: The output cannot be written.
    """
    output = Path(output)
    check_options(options, output, ensemble.spec, images)
    if images is not None:
        check_classes(ensemble, images.classes)
    description = describe(ensemble.cpu(), options)
    with evaluating(ensemble), TemporaryDirectory() as scratch:
        write, size = _draft(ensemble, description, options, images)
        draft = Path(scratch) / output.name
        write(draft)
        exported = load_exported(draft)
        difference = _difference(exported, ensemble, images)
        refuse_difference(difference, options.precision)
        cost = None
        if images is not None and options.precision != "fp32":
            cost = _cost(exported, ensemble, images)
    write(output)
    return Report(path=output, size=size, spec=description, difference=difference, cost=cost)


def describe(ensemble: Ensemble, options: ExportOptions) -> Description:
    """What the file will say about itself."""
    spec, network = ensemble.spec, ensemble.spec.network
    known = spec.preprocessing is not None
    return Description(
        format=options.format,
        precision=options.precision,
        arch=spec.arch,
        into=spec.into,
        num_classes=spec.num_classes,
        in_channels=network.in_channels,
        image_size=network.image_size,
        normalize=known if options.normalize is None else options.normalize,
        combine=spec.combine,
        classes=spec.classes,
        preprocessing=spec.preprocessing,
        params=ensemble.params,
        macs=ensemble.macs(spec.image_shape),
        cotrain=__version__,
        torch=torch.__version__,
    )


def _draft(
    ensemble: Ensemble, description: Description, options: ExportOptions, images: Splits | None
) -> tuple[Callable[[Path], None], int]:
    """What writes the output to a path, and its size in bytes."""
    calibration = []
    if images is not None and options.calibration_images:
        outside = None if description.normalize else _preprocessing(ensemble, images)
        calibration = calibration_batches(images, options.calibration_images, outside)
    if not options.split:
        content = whole_file(ensemble, description, calibration)
        return lambda path: atomic_write(path, content), len(content)
    files = split_files(ensemble, description, calibration)
    manifest = manifest_of(files, description)
    return lambda path: write_split(path, files, manifest), sum(map(len, files.values()))


def _preprocessing(ensemble: Ensemble, images: Splits) -> Preprocessing:
    return ensemble.spec.preprocessing or images.preprocessing


def _prepare(exported: Exported, ensemble: Ensemble, images: Splits) -> Callable[[Tensor], Tensor]:
    """How pixels become what the file takes."""
    return Tensor.float if exported.spec.normalize else _preprocessing(ensemble, images).normalize


def _difference(exported: Exported, ensemble: Ensemble, images: Splits | None) -> Difference:
    """The distance to PyTorch on random images and, where there are, real ones."""
    spec = exported.spec
    batches = random_batches(spec.image_shape, pixels=spec.normalize)
    if images is not None:
        real = images.train.pixels(range(min(max(BATCH_SIZES), len(images.train))))
        prepare = _prepare(exported, ensemble, images)
        batches += [prepare(real[:size]) for size in BATCH_SIZES]
    return compare(exported, ensemble_program(ensemble, spec), batches)


def _cost(exported: Exported, ensemble: Ensemble, images: Splits) -> Cost:
    """What the file's precision costs in accuracy."""
    normalize = _preprocessing(ensemble, images).normalize
    prepare = _prepare(exported, ensemble, images)
    return measure_cost(
        images,
        (lambda pixels: ensemble(normalize(pixels)), lambda pixels: exported(prepare(pixels))),
        ensemble.spec.combine,
    )
