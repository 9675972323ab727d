"""``cotrain calibrate``: probabilities that are right as often as they say."""

import json as json_format
from pathlib import Path

from cotrain.cli.verbs.arguments import checked_device
from cotrain.config import Data
from cotrain.config.calibration import SetMethod


def calibrate(
    path: str,
    *,
    data: Data | None = None,
    sets: SetMethod = "lac",
    coverage: float = 0.9,
    risk: float = 0.05,
    batch_size: int | None = None,
    device: str = "cpu",
    json: bool = False,
) -> None:
    """Fit the ensemble's probabilities to images that were not trained on, and store what is found.

    Args:
        path: A run folder, or its ensemble/.
        data: Images to calibrate on. If not given those that the run kept for it, by
            --data.calibration when it was trained, or else those that it validated with, which
            have chosen the checkpoint. Of a folder all that have a label, unless it has a test/.
        sets: How the answer becomes a set of classes that holds the right one.
        coverage: How often it is to hold it.
        risk: Share of wrong answers that is wanted where the ensemble is sure enough to answer.
        batch_size: Images at once; as many as the run trains with if not given.
        device: cpu or cuda.
        json: Print JSON instead of a table.
    """
    from cotrain.cli.verbs.tested import loading
    from cotrain.evaluation.calibration.calibrate import calibrate as calibrate_run
    from cotrain.evaluation.images import experiment_of
    from cotrain.report.calibration import calibration_table
    from cotrain.report.style import display

    how = loading(experiment_of(Path(path)), data, batch_size)
    found = calibrate_run(
        path,
        data,
        sets=sets,
        coverage=coverage,
        risk=risk,
        device=checked_device(device),
        **how._asdict(),
    )
    found.images.summary.show()
    if json:
        print(json_format.dumps(found.to_dict(), indent=2))
    else:
        display(calibration_table(found))
