"""``cotrain uncertainty``: how far the answers of a run can be trusted."""

import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING

from cotrain.basics.errors import ConfigError
from cotrain.basics.files import write_json
from cotrain.basics.output import output_file, output_folder
from cotrain.config import Data, Experiment

if TYPE_CHECKING:
    from cotrain.evaluation.uncertainty.uncertainty import Uncertainty


def uncertainty(
    path: str,
    *,
    data: Data | None = None,
    ood: str | None = None,
    ood_root: str | None = None,
    calibrated: bool = True,
    batch_size: int | None = None,
    device: str = "cpu",
    trust: bool = False,
    output: str | None = None,
    json: bool = False,
) -> None:
    """Say how far the answers can be trusted: calibration, abstaining, signals of being wrong.

    Args:
        path: A run folder, an ensemble's folder, or what cotrain export wrote.
        data: Images to test on; those that the run held out if not given.
        ood: Images of none of the classes, which the ensemble should not be sure of: a folder, or a
            data set's name, such as digits or svhn.
        ood_root: Folder of that data set; digits have none.
        calibrated: Use what cotrain calibrate found, and show what was before it, too.
        batch_size: Images at once; as many as the run trains with if not given, or 64.
        device: cpu or cuda; what was exported answers on the cpu.
        trust: Open a .pt2 file, which can run any program: only one of somebody you trust.
        output: Folder to write uncertainty.json and its pictures to, or a JSON file.
        json: Print JSON instead of tables.
    """
    from cotrain.cli.verbs.tested import opened
    from cotrain.evaluation.evaluate import evaluate_ensemble
    from cotrain.evaluation.kept import kept_logits
    from cotrain.evaluation.uncertainty.others import logits_of_others
    from cotrain.evaluation.uncertainty.uncertainty import uncertainty_of
    from cotrain.report.style import display
    from cotrain.report.uncertainty import cautions, uncertainty_tables

    target = None if output is None else _target(output)
    asked = opened(path, data, batch_size=batch_size, device=device, trust=trust)
    kept = None if data is not None else kept_logits(Path(path), asked.images)
    if kept is None:
        answers = evaluate_ensemble(asked.ensemble, asked.images, **asked.loading._asdict())
        kept = answers.logits, answers.targets
    others = None
    if ood is not None:
        _check_is_other(ood, asked.run)
        others = logits_of_others(asked.ensemble, ood, ood_root, asked.loading.batch_size)
    elif ood_root is not None:
        raise ConfigError(f"ood_root={ood_root} would be ignored: give --ood NAME, or leave it out")
    spec = asked.ensemble.spec
    calibration = spec.calibration if calibrated else None
    result = uncertainty_of(*kept, spec.combine, calibration, others)
    asked.images.show()
    if target is not None:
        _write(target, result)
    if json:
        print(json_format.dumps(result.to_dict(), indent=2))
    else:
        display(*uncertainty_tables(result), *cautions(asked.run))


def _target(output: str) -> Path:
    """The JSON file, or the folder, that is to be written."""
    return (output_file if output.endswith(".json") else output_folder)(output)


def _check_is_other(ood: str, run: Experiment | None) -> None:
    """Raise ConfigError if these are the images that the run was trained on."""
    if run is not None and ood == run.data.resolved().dataset:
        raise ConfigError(f"ood={ood} is what the run was trained on: give another data set")


def _write(target: Path, found: "Uncertainty") -> None:
    """Write the record alone, or with its pictures."""
    from cotrain.report.page.trust import coverage_picture, reliability_picture
    from cotrain.report.pictures import write_picture

    if target.suffix == ".json":
        write_json(target, found.to_dict())
        return
    write_json(target / "uncertainty.json", found.to_dict())
    curves = {"the ensemble": found.curve}
    for picture in (coverage_picture(curves, found.abstention), reliability_picture(found.bins)):
        write_picture(picture.figure, target / f"{picture.name}.png")
