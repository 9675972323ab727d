"""``cotrain uncertainty``: how far the answers of a run can be trusted."""

import json as json_format

from cotrain.basics.files import write_json
from cotrain.basics.output import output_file
from cotrain.config import Data


def uncertainty(
    path: str,
    *,
    data: Data | None = None,
    ood: str | None = None,
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
        ood: A folder of images of none of the classes, which the ensemble should not be sure of.
        calibrated: Use what cotrain calibrate found, and show what was before it, too.
        batch_size: Images at once; as many as the run trains with if not given, or 64.
        device: cpu or cuda; what was exported answers on the cpu.
        trust: Open a .pt2 file, which can run any program: only one of somebody you trust.
        output: JSON file to write.
        json: Print JSON instead of tables.
    """
    from cotrain.cli.verbs.tested import opened
    from cotrain.evaluation.evaluate import evaluate_ensemble
    from cotrain.evaluation.uncertainty.uncertainty import logits_of_files, uncertainty_of
    from cotrain.report.style import display
    from cotrain.report.uncertainty import cautions, uncertainty_tables

    file = None if output is None else output_file(output)
    asked = opened(path, data, batch_size=batch_size, device=device, trust=trust)
    answers = evaluate_ensemble(
        asked.ensemble,
        asked.images,
        batch_size=asked.batch_size,
        calibrated=calibrated,
        workers=asked.workers,
    )
    others = None if ood is None else logits_of_files(asked.ensemble, ood, asked.batch_size)
    spec = asked.ensemble.spec
    calibration = spec.calibration if calibrated else None
    result = uncertainty_of(answers.logits, answers.targets, spec.combine, calibration, others)
    asked.images.show()
    if file is not None:
        write_json(file, result.to_dict())
    if json:
        print(json_format.dumps(result.to_dict(), indent=2))
    else:
        display(*uncertainty_tables(result), *cautions(asked.run))
