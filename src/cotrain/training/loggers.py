"""Where the curves of a run are shown: loggers of Lightning's, and what they are given."""

import os
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

import pytorch_lightning as lightning
import torch
from pytorch_lightning.loggers import (
    CSVLogger,
    Logger,
    MLFlowLogger,
    TensorBoardLogger,
    WandbLogger,
)
from torchvision.utils import make_grid

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.config import Experiment
from cotrain.config.difference import record_settings
from cotrain.config.loggers import chosen_loggers
from cotrain.evaluation.scores import Evaluation
from cotrain.training.first_views import FirstViews
from cotrain.training.notices import say

_PROJECT = "cotrain"  # of what others keep
_ELSEWHERE = ("wandb", "mlflow")  # which keep runs in a place of their own


def build_loggers(
    experiment: Experiment, folder: RunFolder, resumed_step: int | None
) -> list[Logger]:
    """The loggers that the experiment names.

    Args:
        experiment: Which.
        folder: The run folder.
        resumed_step: The optimizer step that a resumed run goes on from.

    Raises:
        ConfigError: A package that is not installed.
    """
    names = chosen_loggers(experiment.logger)
    for name in _ELSEWHERE:
        if name in names and find_spec(name) is None:
            raise ConfigError(f"logger={name} needs a package: pip install {name}")
    title = folder.root.resolve().name
    if resumed_step is not None:
        title += f", from step {resumed_step}"
        for name in set(names).intersection(_ELSEWHERE):
            say(f"logger={name}: what follows is a run of its own there, {title!r}")
    made = {
        "tensorboard": lambda: _tensorboard(folder, resumed_step),
        "csv": lambda: _csv(folder, resumed_step),
        "wandb": lambda: WandbLogger(project=_PROJECT, name=title, save_dir=folder.root),
        "mlflow": lambda: _mlflow(folder, title),
    }
    return [made[name]() for name in names]


def _tensorboard(folder: RunFolder, resumed_step: int | None) -> Logger:
    return TensorBoardLogger(
        folder.root,
        name="",
        version=folder.tensorboard.name,
        default_hp_metric=False,
        purge_step=None if resumed_step is None else resumed_step + 1,
    )


def _csv(folder: RunFolder, resumed_step: int | None) -> Logger:
    """Into a folder of its own where a run goes on, as Lightning would begin the file anew."""
    version = "csv" if resumed_step is None else f"csv-from-step-{resumed_step}"
    return CSVLogger(folder.root, name="", version=version, flush_logs_every_n_steps=1)


def _mlflow(folder: RunFolder, title: str) -> Logger:
    """Into a database of the run, as MLflow refuses folders of files since 3.17."""
    own = f"sqlite:///{folder.root.resolve() / 'mlflow.db'}"
    place = os.environ.get("MLFLOW_TRACKING_URI") or own
    return MLFlowLogger(experiment_name=_PROJECT, run_name=title, tracking_uri=place)


def log_views(trainer: lightning.Trainer, found: FirstViews) -> None:
    """Show some images and how each network sees them: a row an image, the original first."""
    columns = torch.cat([found.originals[None], found.views])
    picture = make_grid(columns.transpose(0, 1).flatten(0, 1), nrow=len(columns), padding=1)
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_image("views", picture, 0)


def log_outcome(
    trainer: lightning.Trainer, experiment: Experiment, evaluation: Evaluation | None
) -> None:
    """Log the settings as hyperparameters, with how good the shipped ensemble is on the test.

    The run is whole by now and does not fail where this cannot be written.
    """
    step = trainer.global_step
    scores = {} if evaluation is None else vars(evaluation.ensemble)
    metrics = {f"test/{name}": value for name, value in scores.items() if value is not None}
    # Lightning writes no hyperparameters without a metric.
    metrics |= {"run/steps": step}
    settings = {name: _plain(value) for name, value in record_settings(experiment).items()}
    for logger in trainer.loggers:
        with suppress(OSError):
            _log_outcome(logger, settings, metrics, step)
            logger.finalize("success")


def _log_outcome(
    logger: Logger, settings: Mapping[str, Any], metrics: Mapping[str, float], step: int
) -> None:
    if isinstance(logger, TensorBoardLogger):
        logger.log_hyperparams(dict(settings), dict(metrics), step)
    else:
        logger.log_hyperparams(dict(settings))
        logger.log_metrics(dict(metrics), step)


def _plain(value: Any) -> bool | int | float | str:
    """TensorBoard takes no lists, maps and null."""
    return value if isinstance(value, bool | int | float | str) else str(value)
