"""From an experiment to a run folder: build, train or resume, ship, evaluate."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.callbacks import Callback, EarlyStopping, RichProgressBar
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities.warnings import PossibleUserWarning
from torch.utils.data import DataLoader

from cotrain.checkpoint import load_ensemble, newest_checkpoint, save_ensemble
from cotrain.config import Experiment
from cotrain.data import Splits, evaluation_loader, load_splits, training_loader
from cotrain.ensemble import Ensemble, divide
from cotrain.errors import ConfigError, TrainingError
from cotrain.evaluation import Evaluation
from cotrain.files import atomic_write
from cotrain.folder_evaluation import evaluate_ensemble
from cotrain.networks import spec_for_images
from cotrain.recipes import dump_experiment, load_recipe
from cotrain.run_folder import RunFolder
from cotrain.training.callbacks import RunKeeper, VerifiedCheckpoints
from cotrain.training.module import CoTraining, NotFiniteError


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What a run leaves.

    Args:
        folder: The run folder.
        ensemble: What is shipped, in evaluation mode.
        evaluation: Its result on the test images; None when there are none.
    """

    folder: Path
    ensemble: Ensemble
    evaluation: Evaluation | None


def fit(
    experiment: Experiment, output: Path | str, *, resume: bool = False, progress: bool = True
) -> RunResult:
    """Divide, co-train and evaluate; everything is written into ``output``.

    Args:
        experiment: What to train, on what, and how.
        output: The run folder; it must not hold a run unless ``resume`` is set.
        resume: Go on from the newest whole checkpoint in ``output``, to the same final weights,
            bit for bit on the CPU, as a run that was never stopped.
        progress: Show a progress bar.

    Raises:
        ConfigError: A setting that does not fit the images, the network or the folder.
        TrainingError: The loss is not finite, or the folder cannot be written.
        Interrupted: Ctrl-C or SIGTERM; the state is saved.
    """
    folder = RunFolder(Path(output))
    _claim(folder, experiment, resume)
    if experiment.hardware.threads:
        torch.set_num_threads(experiment.hardware.threads)
    splits = load_splits(experiment.data, keep_files=experiment.views.crop == "resized")
    state, notice = newest_checkpoint(folder.checkpoint)
    if notice:
        print(f"cotrain: {notice}")
    with _quiet():
        trainer = _trainer(experiment, folder, splits, state, progress)
        module = _train(trainer, experiment, folder, splits, state)
    ensemble = module.answering
    evaluation = None
    if trainer.is_global_zero:
        ensemble = load_ensemble(folder.best) if folder.best.exists() else module.answering
        save_ensemble(ensemble, folder.ensemble)
        evaluation = _evaluate(ensemble, splits, experiment, folder, module.device)
    return RunResult(folder=folder.root, ensemble=ensemble.eval(), evaluation=evaluation)


def _evaluate(
    ensemble: Ensemble,
    splits: Splits,
    experiment: Experiment,
    folder: RunFolder,
    device: torch.device,
) -> Evaluation | None:
    """Touch the test images, this once."""
    if splits.test is None:
        return None
    result = evaluate_ensemble(
        ensemble,
        splits,
        batch_size=experiment.batch_size,
        workers=experiment.data.workers,
        device=device,
    )
    result.write(folder)
    return result.evaluation


def _claim(folder: RunFolder, experiment: Experiment, resume: bool) -> None:
    """Write the settings into a new folder, or check that a folder's settings are the same."""
    if not folder.config.exists():
        if resume:
            raise ConfigError(f"--resume {folder.root}: there is no run: it has no config.yaml")
        atomic_write(folder.config, dump_experiment(experiment).encode())
    elif not resume:
        raise ConfigError(
            f"--output {folder.root} already holds a run: "
            f"go on with --resume {folder.root}, or choose another --output"
        )
    elif load_recipe(folder.config) != experiment:
        raise ConfigError(
            f"--resume {folder.root}: its config.yaml differs from the settings given: "
            "choose another --output for other settings"
        )


def _train(
    trainer: lightning.Trainer,
    experiment: Experiment,
    folder: RunFolder,
    splits: Splits,
    state: dict[str, Any] | None,
) -> CoTraining:
    loaders = Loaders(
        experiment, splits, (0, 0) if state is None else state["cotrain"]["next_batch"]
    )
    module = CoTraining(
        _ensemble(experiment, splits), experiment, loaders.steps(trainer.world_size)
    )
    _arrange(module, experiment)
    try:
        resumed = None if state is None else folder.checkpoint
        trainer.fit(module, datamodule=loaders, ckpt_path=resumed, weights_only=True)
    except NotFiniteError as error:
        kept = f"the last good checkpoint is {folder.checkpoint}"
        raise TrainingError(
            f"{error}; {kept if folder.checkpoint.exists() else 'no checkpoint was saved yet'}: "
            "lower optimizer.lr, set optimizer.clip, or --on_nan skip"
        ) from None
    return module


def _ensemble(experiment: Experiment, splits: Splits) -> Ensemble:
    """The ensemble of an experiment, knowing its classes and preprocessing."""
    shape = splits.preprocessing
    large = spec_for_images(
        experiment.network,
        num_classes=len(splits.classes),
        in_channels=shape.in_channels,
        image_size=shape.image_size,
    )
    ensemble = divide(
        large,
        experiment.into,
        seed=experiment.seed,
        initialization=experiment.co_training.initialization,
    )
    ensemble.spec = replace(ensemble.spec, classes=splits.classes, preprocessing=shape)
    return ensemble


def _arrange(module: CoTraining, experiment: Experiment) -> None:
    """Memory format and compilation, which change speed but not what is computed."""
    if experiment.hardware.channels_last:
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if experiment.hardware.compile:
        for network in module.ensemble.networks:
            network.compile()


class Loaders(lightning.LightningDataModule):
    """The loaders of one process; its rank is known only once the Trainer has started it.

    Args:
        experiment: Batch size, views and workers.
        splits: The images.
        begin: Epoch, and batches of it that are already done.
    """

    def __init__(self, experiment: Experiment, splits: Splits, begin: tuple[int, int]) -> None:
        super().__init__()
        self.experiment = experiment
        self.splits = splits
        self.begin = begin

    def _training(self, rank: int, world_size: int) -> DataLoader:
        return training_loader(
            self.splits.train,
            views=self.experiment.views,
            preprocessing=self.splits.preprocessing,
            num_classes=len(self.splits.classes),
            into=self.experiment.into,
            batch_size=self.experiment.batch_size,
            seed=self.experiment.seed,
            workers=self.experiment.data.workers,
            rank=rank,
            world_size=world_size,
        )

    def steps(self, world_size: int) -> int:
        """Optimizer steps of one epoch."""
        return -(-len(self._training(0, world_size)) // self.experiment.optimizer.accumulate)

    def _place(self) -> tuple[int, int]:
        assert self.trainer is not None
        return self.trainer.global_rank, self.trainer.world_size

    def train_dataloader(self) -> DataLoader:
        loader = self._training(*self._place())
        loader.sampler.resume(*self.begin)  # type: ignore[union-attr]
        return loader

    def val_dataloader(self) -> DataLoader:
        assert self.splits.val is not None
        rank, world_size = self._place()
        return evaluation_loader(
            self.splits.val,
            preprocessing=self.splits.preprocessing,
            batch_size=self.experiment.batch_size,
            workers=self.experiment.data.workers,
            rank=rank,
            world_size=world_size,
        )


def _trainer(
    experiment: Experiment,
    folder: RunFolder,
    splits: Splits,
    state: dict[str, Any] | None,
    progress: bool,
) -> lightning.Trainer:
    """The Lightning Trainer, as it is."""
    hardware = experiment.hardware
    schedules = 1 if experiment.co_training.together else experiment.into
    logger = TensorBoardLogger(
        folder.root,
        name="",
        version=folder.tensorboard.name,
        default_hp_metric=False,
        purge_step=None if state is None else state["global_step"] + 1,
    )
    try:
        return lightning.Trainer(
            accelerator=hardware.accelerator,
            devices=hardware.devices,
            strategy=hardware.strategy,
            num_nodes=hardware.num_nodes,
            precision=hardware.precision,
            max_epochs=experiment.epochs * schedules,
            accumulate_grad_batches=experiment.optimizer.accumulate,
            gradient_clip_val=experiment.optimizer.clip,
            logger=logger,
            callbacks=_callbacks(experiment, folder, splits, progress),
            plugins=[VerifiedCheckpoints(state)],
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=progress,
            limit_val_batches=0 if splits.val is None else None,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
        )
    except (MisconfigurationException, ValueError) as error:
        raise ConfigError(f"hardware={hardware}: {' '.join(str(error).split())}") from error


def _callbacks(
    experiment: Experiment, folder: RunFolder, splits: Splits, progress: bool
) -> list[Callback]:
    callbacks: list[Callback] = [RunKeeper(folder, experiment.checkpoint_steps)]
    if progress:
        callbacks.append(ProgressBar(refresh_rate=10))
    if experiment.early_stopping is not None:
        if splits.val is None:
            raise ConfigError(
                f"early_stopping={experiment.early_stopping} needs a validation: "
                "give data.validation a share such as 0.1"
            )
        patience = experiment.early_stopping
        callbacks.append(EarlyStopping("val_accuracy", mode="max", patience=patience))
    return callbacks


class ProgressBar(RichProgressBar):
    """Lightning's bar without the logger's version, which says nothing here."""

    def get_metrics(self, *args: Any) -> dict[str, Any]:
        return {k: v for k, v in super().get_metrics(*args).items() if k != "v_num"}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Lightning's advice on workers and logging; errors and our own lines remain."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PossibleUserWarning)
        warnings.filterwarnings("ignore", ".*training_step` returned `None`")
        # Lightning 2.6 asks newer torch releases in a way that they deprecate.
        warnings.filterwarnings("ignore", ".*isinstance.treespec, LeafSpec")
        yield
    logger.setLevel(level)
