"""``cotrain evaluate``: how good a run or an ensemble is."""

import json as json_format

from cotrain.basics.errors import ConfigError
from cotrain.basics.output import output_file
from cotrain.config import Data
from cotrain.config.combining import Combine
from cotrain.config.dtype import Dtype

_FEW_CLASSES = 20  # whose table fits a screen


def evaluate(
    path: str,
    *,
    data: Data | None = None,
    combine: Combine | None = None,
    calibrated: bool = True,
    cascade: bool = False,
    batch_size: int | None = None,
    device: str = "cpu",
    dtype: Dtype = "fp32",
    trust: bool = False,
    output: str | None = None,
    predictions: str | None = None,
    per_class: bool | None = None,
    json: bool = False,
) -> None:
    """Evaluate every network and the ensemble: accuracy, calibration, diversity.

    Args:
        path: A run folder, an ensemble's folder, or what cotrain export wrote.
        data: Images to test on; those that the run held out if not given. Of a folder all that
            have a label are tested, unless it has a test/.
        combine: How the answers are combined; the ensemble's own way if not given.
        calibrated: Use what cotrain calibrate found, and show the scores before it, too.
        cascade: Answer once more by what cotrain cascade stored, and show what that gives.
        batch_size: Images at once; as many as the run trains with if not given, so that the
            numbers are those that it wrote, to the last bit; 64 where there is no run.
        device: cpu or cuda; what was exported answers on the cpu.
        dtype: What the networks compute in; for bf16 and fp16 the answers in fp32 are found too, to
            say how far they differ.
        trust: Open a .pt2 file, which can run any program: only one of somebody you trust.
        output: JSON file to write.
        predictions: CSV file to write: file, truth, answer and its probability of every image.
        per_class: Show a table of the classes, too; done up to 20 classes if not given. JSON
            always has it, and the confusion matrix up to 1,000 classes.
        json: Print JSON instead of a table.
    """
    from cotrain.cli.verbs.tested import opened
    from cotrain.evaluation.evaluate import evaluate_ensemble
    from cotrain.evaluation.file_answers import write_answers
    from cotrain.report.cascade import cascade_line
    from cotrain.report.evaluation import class_table, evaluation_table, rounding_line
    from cotrain.report.style import ResultTable, display

    file = None if output is None else output_file(output)
    table = None if predictions is None else output_file(predictions, "--predictions")
    asked = opened(path, data, batch_size=batch_size, device=device, trust=trust)
    if table is not None and not asked.images.test_files:
        raise ConfigError(
            f"--predictions {predictions}: the images of this data set are no files: leave it out"
        )
    result = evaluate_ensemble(
        asked.ensemble,
        asked.images,
        batch_size=asked.loading.batch_size,
        combine=combine,
        calibrated=calibrated,
        cascade=cascade,
        workers=asked.loading.workers,
        dtype=dtype,
    )
    asked.images.show()
    if file is not None:
        result.write_json(file)
    if table is not None:
        write_answers(table, result.files)
    if json:
        print(json_format.dumps(result.to_dict(), indent=2))
    else:
        by_class = result.evaluation.by_class
        tables: list[ResultTable | str] = [evaluation_table(result.evaluation, asked.ensemble.spec)]
        if result.rounding is not None:
            tables.append(rounding_line(result.rounding))
        if per_class or (per_class is None and len(by_class.classes) <= _FEW_CLASSES):
            tables.append(class_table(by_class))
        display(*tables)
        if result.cascade is not None:
            display(cascade_line(result.cascade))
