"""``cotrain cascade``: ask only as many of the networks as an image needs."""

import json as json_format
from pathlib import Path

from cotrain.basics.errors import ConfigError
from cotrain.basics.output import output_file
from cotrain.cli.verbs.arguments import checked_device
from cotrain.config import Data
from cotrain.config.cascade import CascadeSignal


def cascade(
    path: str,
    *,
    data: Data | None = None,
    tolerance: float | None = None,
    budget: float | None = None,
    signal: CascadeSignal | None = None,
    batch_size: int | None = None,
    device: str = "cpu",
    output: str | None = None,
    large: str | None = None,
    json: bool = False,
) -> None:
    """Fit which networks to ask first, and how sure they must be for the others to be left out.

    What is found is stored with the ensemble, and used by --cascade of predict and evaluate.

    Args:
        path: A run folder, or its ensemble/.
        data: Images to fit it to; those of cotrain calibrate if not given: what the run kept for
            this, by --data.calibration when it was trained, or else its validation images.
        tolerance: Points of accuracy that may be lost, for the least work; 0.1 if neither this
            nor --budget is given.
        budget: Share of the MACs of all networks that may be taken, for the best accuracy.
        signal: What tells how sure an answer is; the best if not given.
        batch_size: Images at once; as many as the run trains with if not given.
        device: cpu or cuda.
        output: Picture to write, .png, .svg or .pdf: test error against mean MACs of the first
            networks, all of them and the cascade.
        large: A run of the large network, tested on the same images, which is drawn beside.
        json: Print JSON instead of tables.
    """
    from cotrain.cli.verbs.tested import loading
    from cotrain.evaluation.cascade.of_run import cascade_of_run
    from cotrain.evaluation.images import experiment_of
    from cotrain.report.cascade import cascade_tables
    from cotrain.report.cascade_picture import cascade_picture
    from cotrain.report.pictures import kind_of_picture, write_picture
    from cotrain.report.style import display

    file, beside = None, None if large is None else Path(large)
    if output is not None:
        file = output_file(output)
        kind_of_picture(file)
        cascade_picture(Path(path), beside)  # what cannot be drawn is refused before fitting
    elif large is not None:
        raise ConfigError(f"large={large!r} is for the picture: give its file by --output too")
    how = loading(experiment_of(Path(path)), data, batch_size)
    found = cascade_of_run(
        path,
        data,
        tolerance=tolerance,
        budget=budget,
        signal=signal,
        device=checked_device(device),
        **how._asdict(),
    )
    if file is not None:
        write_picture(cascade_picture(Path(path), beside), file)
    found.images.summary.show()
    if json:
        print(json_format.dumps(found.to_dict(), indent=2))
    else:
        display(*cascade_tables(found))
        if file is not None:
            print(f"picture: {file}")
