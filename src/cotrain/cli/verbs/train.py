"""``cotrain train``: divide, co-train, evaluate."""

from pathlib import Path
from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.config import Experiment


def train(
    *,
    output: str | None = None,
    resume: str | None = None,
    progress: bool = True,
    without_best: bool = False,
    **settings: Any,
) -> None:
    """Divide a network, co-train the S networks, and evaluate the ensemble.

    Several networks, --network A,B, are co-trained as they are.

    Args:
        output: Run folder to write: config.yaml, metrics.csv, tensorboard, checkpoints, ensemble,
            evaluation.json.
        resume: Run folder to go on with, from its newest whole checkpoint; its own settings hold.
            --hardware.devices, strategy, num_nodes and network_parallel may be others, of which
            those not given are as by default: a step keeps its images.
        progress: Show a progress bar.
        without_best: With --resume: go on though checkpoints/best is missing or damaged; the best
            of the epochs that follow is shipped, or the last.
    """
    from cotrain.basics.run_folder import RunFolder
    from cotrain.config.difference import PLACE, run_elsewhere
    from cotrain.config.recipes import load_recipe
    from cotrain.report.evaluation import evaluation_table
    from cotrain.report.style import display
    from cotrain.training import fit

    experiment = Experiment(**settings)
    if (output is None) == (resume is None):
        raise ConfigError("train needs --output FOLDER for a new run, or --resume FOLDER")
    if without_best and resume is None:
        raise ConfigError("--without-best goes on with a run: give --resume FOLDER")
    if resume is not None:
        run = RunFolder(Path(resume))
        run.check_begun("--resume")
        resumed = run_elsewhere(load_recipe(run.config), experiment)
        if resumed is None:
            raise ConfigError(
                f"--resume {resume} keeps the run's own settings: give no others, but for "
                + ", ".join(f"--{name}" for name in PLACE)
            )
        experiment = resumed
    result = fit(
        experiment,
        resume if resume is not None else output or "",
        resume=resume is not None,
        progress=progress,
        without_best=without_best,
    )
    if result.evaluation is not None:
        display(evaluation_table(result.evaluation, result.ensemble.spec))
        print(f"ensemble: {RunFolder(result.folder).ensemble}")
