"""``cotrain distill``: one network that learns what an ensemble knows."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from cotrain.basics.errors import ConfigError
from cotrain.config import Experiment


def distill(
    run: str,
    *,
    output: str,
    size: Literal["large", "small"] = "large",
    progress: bool = True,
    **settings: Any,
) -> None:
    """Train one network to answer as the ensemble of a run does, from its soft targets.

    All settings are those of the run, for --into 1 with the run as --teacher, unless others are
    given; a run that was stopped goes on with cotrain train --resume. Of an ensemble that was
    assembled they are its images; the others are the usual ones, or a recipe's. It ends with a
    table of the student and the ensemble, and of the large network, where a comparison has trained
    that too.

    cotrain distill runs/photos --size small --teacher.weight 0.7 --output runs/one-photos

    Args:
        run: The run folder of the ensemble, or the folder of one that was assembled.
        output: Run folder of the student to write.
        size: Of the student: the large network's, or one of the S small ones'. --network names
            any other network, which it has to where the run's networks differ.
        progress: Show a progress bar.
    """
    from cotrain.basics.run_folder import RunFolder
    from cotrain.cli.student import is_assembled
    from cotrain.comparison.accuracy.siblings import large_beside
    from cotrain.config.recipes import load_recipe
    from cotrain.evaluation.run_scores import run_scores
    from cotrain.report.evaluation import runs_table
    from cotrain.report.style import display
    from cotrain.training import fit

    experiment, teacher = Experiment(**settings), RunFolder(Path(run))
    if experiment.teacher.run != run:
        raise ConfigError(
            f"--teacher.run {experiment.teacher.run}: the teacher is {run}: leave it out, or use "
            "cotrain train"
        )
    if size == "small":
        if is_assembled(run) or load_recipe(teacher.config).is_mixed:
            raise ConfigError(
                f"--size small: {run} was not divided: leave it out, and name one with --network"
            )
        into = load_recipe(teacher.config).into
        if into == 1:
            raise ConfigError(f"--size small: {run} has one network, the large one: leave it out")
        experiment = replace(experiment, sized_for=into)
    result = fit(experiment, output, progress=progress)
    if result.evaluation is not None:
        student, large = RunFolder(result.folder), large_beside(teacher)
        named = {"student": student, "ensemble": teacher}
        display(runs_table(run_scores(named | ({"large network": large} if large else {}))))
    print(f"ensemble: {RunFolder(result.folder).ensemble}")
