"""Export an ensemble: convert it, check the result against PyTorch, and only then write it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from cotrain.basics.files import atomic_write
from cotrain.basics.machine import __version__
from cotrain.basics.output import output_file, output_folder
from cotrain.basics.watching import at_work
from cotrain.config import ExportOptions
from cotrain.data import Splits
from cotrain.ensemble.answering import prepared
from cotrain.ensemble.combining import OUTPUTS
from cotrain.ensemble.ensemble import Ensemble
from cotrain.evaluation.scores import check_classes
from cotrain.export.checking import (
    BATCH_SIZES,
    Distance,
    largest_distance,
    measure_cost,
    random_batches,
    refuse_distance,
)
from cotrain.export.description import Description
from cotrain.export.exported import Exported, load_exported
from cotrain.export.formats.graph import graph_of, refuse_untraceable
from cotrain.export.formats.quantization import calibration_batches
from cotrain.export.formats.registry import FORMATS, Draft
from cotrain.export.options import check_export
from cotrain.export.program import EnsembleProgram, NetworkProgram
from cotrain.export.split import write_split
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
    output = output_folder(output) if options.split else output_file(output)
    check_export(options, output, ensemble.spec, images)
    if images is not None:
        check_classes(ensemble, images.classes)
    description = describe(ensemble.cpu(), options)
    working = at_work(f"exporting as {options.format}, and checking the answers")
    with working, evaluating(ensemble), TemporaryDirectory() as scratch:
        files = _convert(ensemble, description, options, images)
        draft = Path(scratch) / output.name
        _write(draft, files, description, split=options.split)
        exported = load_exported(draft, trust=True)
        distance = _distance(exported, ensemble, images)
        refuse_distance(distance, options.precision)
        cost = None
        if images is not None and options.precision != "fp32":
            cost = measure_cost(images, ensemble, exported)
    _write(output, files, description, split=options.split)
    size = sum(map(len, files.values()))
    return Report(path=output, size=size, spec=description, distance=distance, cost=cost)


def describe(ensemble: Ensemble, options: ExportOptions) -> Description:
    """What the file will say about itself."""
    spec = ensemble.spec
    known = spec.preprocessing is not None
    return Description(
        format=options.format,
        precision=options.precision,
        arch=spec.arch,
        into=spec.into,
        num_classes=spec.num_classes,
        in_channels=spec.image_shape[0],
        image_size=spec.image_shape[-1],
        normalize=known if options.normalize is None else options.normalize,
        combine=spec.combine,
        classes=spec.classes,
        preprocessing=spec.preprocessing,
        calibration=spec.calibration,
        cascade=spec.cascade if options.split else None,
        params=ensemble.params,
        macs=ensemble.macs(spec.image_shape),
        cotrain=__version__,
        torch=torch.__version__,
    )


def _convert(
    ensemble: Ensemble, description: Description, options: ExportOptions, images: Splits | None
) -> dict[str, bytes]:
    """The content of each file by name: of one for the ensemble, or of one for each network."""
    calibration = _calibration(description, options, images)
    kind, files = FORMATS[description.format], {}
    for name, program in _programs(ensemble, description, options.split):
        draft = Draft(
            graph=_graph(program, ensemble, description),
            outputs=("logits",) if options.split else OUTPUTS,
            description=description,
            calibration=calibration,
        )
        files[name + kind.suffix] = kind.write(draft)
    return files


def _calibration(
    description: Description, options: ExportOptions, images: Splits | None
) -> list[Tensor]:
    """Batches as the file takes them."""
    if images is None or not options.calibration_images:
        return []
    outside = description.preprocessing or images.preprocessing
    normalization = None if description.normalize else outside
    return calibration_batches(images.train, options.calibration_images, normalization)


def _programs(
    ensemble: Ensemble, description: Description, split: bool
) -> Iterator[tuple[str, NetworkProgram]]:
    """What each file computes, by the name of the file."""
    half = description.precision == "fp16"
    if not split:
        yield "ensemble", _whole(ensemble, description, half=half)
        return
    normalization = description.normalization
    for index, network in enumerate(ensemble.networks):
        program = NetworkProgram([network], normalization=normalization, half=half)
        yield f"network_{index}", program


def _whole(ensemble: Ensemble, description: Description, *, half: bool) -> EnsembleProgram:
    """What the file with this description computes, in PyTorch."""
    return EnsembleProgram(
        ensemble.networks,
        combine=description.combine,
        calibration=description.calibration,
        normalization=description.normalization,
        half=half,
    )


def _graph(program: nn.Module, ensemble: Ensemble, description: Description) -> ExportedProgram:
    try:
        return graph_of(program, description.image_shape)
    except Exception:  # whatever a network's own code raises
        refuse_untraceable(list(ensemble.networks), description.image_shape)
        raise


def _write(
    path: Path, files: Mapping[str, bytes], description: Description, *, split: bool
) -> None:
    if split:
        write_split(path, files, description)
    else:
        (content,) = files.values()
        atomic_write(path, content)


def _distance(exported: Exported, ensemble: Ensemble, images: Splits | None) -> Distance:
    """The distance to PyTorch on random images and, where there are, real ones."""
    spec = exported.spec
    batches = random_batches(spec.image_shape, pixels=spec.normalize)
    if images is not None:
        real = images.train.pixels(range(min(max(BATCH_SIZES), len(images.train))))
        batches += [prepared(exported, real[:size], images.preprocessing) for size in BATCH_SIZES]
    return largest_distance(exported, _whole(ensemble, spec, half=False), batches)
