"""What TensorBoard shows of a run: curves in groups, and its settings beside what came of them."""

from contextlib import suppress
from typing import Any

import pytorch_lightning as lightning

from cotrain.config import Experiment
from cotrain.config.difference import record_settings
from cotrain.evaluation.scores import Evaluation

# Beside the groups of what is named train_... and val_...
_GROUPS = {
    "learning_rate": "schedule",
    "co_training_weight": "schedule",
    "epoch": "run",
    "skipped_steps": "run",
}


def grouped(row: dict[str, float]) -> dict[str, float]:
    """A row of ``metrics.csv`` by the names of the curves, such as ``accuracy/val``.

    The step is left out: it is where the curves' points stand.
    """
    return {_curve(name): value for name, value in row.items() if name != "step"}


def _curve(name: str) -> str:
    if name in _GROUPS:
        return f"{_GROUPS[name]}/{name}"
    part, _, what = name.partition("_")
    measure, _, network = what.partition("accuracy")
    if measure:
        return f"loss/{part}" if what == "loss" else f"loss/{part}_{what}"
    return f"accuracy/{part}" + (f"_network{network}" if network else "")


def log_outcome(
    trainer: lightning.Trainer, experiment: Experiment, evaluation: Evaluation | None
) -> None:
    """Log the settings as hyperparameters, with how good the shipped ensemble is on the test.

    The run is whole by now and does not fail where this cannot be written.
    """
    logger, step = trainer.loggers[0], trainer.global_step
    scores = {} if evaluation is None else vars(evaluation.ensemble)
    metrics = {f"test/{name}": value for name, value in scores.items() if value is not None}
    # Lightning writes no hyperparameters without a metric.
    metrics |= {"run/steps": step}
    settings = {name: _plain(value) for name, value in record_settings(experiment).items()}
    with suppress(OSError):
        logger.log_hyperparams(settings, metrics, step)  # type: ignore[call-arg]
        logger.finalize("success")


def _plain(value: Any) -> bool | int | float | str:
    """TensorBoard takes no lists, maps and null."""
    return value if isinstance(value, bool | int | float | str) else str(value)
