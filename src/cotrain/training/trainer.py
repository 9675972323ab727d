"""The Lightning Trainer of an experiment, unsubclassed, and what it can be asked to do."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytorch_lightning as lightning
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from lightning_fabric.utilities.warnings import PossibleUserWarning
from pytorch_lightning.accelerators import CPUAccelerator
from pytorch_lightning.callbacks import Callback, EarlyStopping
from pytorch_lightning.callbacks import ProgressBar as AnyProgressBar
from pytorch_lightning.plugins.io import AsyncCheckpointIO

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.config import Experiment, Hardware, flat_settings
from cotrain.training.batch_norm import check_synchronised
from cotrain.training.callbacks import RunKeeper
from cotrain.training.exchange import check_alone
from cotrain.training.given import NOTHING, Given, check_states
from cotrain.training.launched import check_launched
from cotrain.training.loggers import build_loggers
from cotrain.training.network_parallel import check_network_parallel
from cotrain.training.notices import say
from cotrain.training.optimization import is_fused
from cotrain.training.progress import progress_callback
from cotrain.training.saving import EpochSaver, StateSaver, VerifiedCheckpoints
from cotrain.training.sparing import spare_steps
from cotrain.training.starving import StarvingNotice


def build_trainer(
    experiment: Experiment,
    folder: RunFolder,
    *,
    validates: bool,
    resumed_step: int | None,
    progress: bool,
    beside: Given = NOTHING,
) -> lightning.Trainer:
    """The Trainer of a run.

    Args:
        experiment: Hardware, epochs and what the callbacks need.
        folder: The run folder.
        validates: Whether there are validation images.
        resumed_step: The optimizer step that a resumed run goes on from.
        progress: Show progress.
        beside: Callbacks and loggers of the user's.

    Raises:
        ConfigError: The hardware is not there, or cannot do what is asked; or a logger's package
            is not installed.
    """
    check_supported(experiment, validates)
    keeper = RunKeeper(folder)
    saver = StateSaver(keeper, experiment.checkpoint_steps)
    callbacks = [
        keeper,
        *_callbacks(experiment, progress),
        *beside.callbacks,
        saver,
        StarvingNotice(experiment.data.workers),  # after a step's others, which take time too
        EpochSaver(saver),
    ]
    check_states(callbacks)
    hardware = experiment.hardware
    schedules = 1 if experiment.co_training.together else experiment.into
    loggers = [*build_loggers(experiment, folder, resumed_step), *beside.loggers]
    try:
        trainer = lightning.Trainer(
            accelerator=hardware.accelerator,
            devices=hardware.devices,
            strategy=hardware.strategy,
            num_nodes=hardware.num_nodes,
            precision=hardware.precision,
            max_epochs=experiment.epochs * schedules,
            accumulate_grad_batches=experiment.optimizer.accumulate,
            gradient_clip_val=experiment.optimizer.clip,
            default_root_dir=folder.root,
            logger=loggers,
            callbacks=callbacks,
            plugins=[VerifiedCheckpoints()],
            enable_model_summary=False,
            enable_progress_bar=any(isinstance(each, AnyProgressBar) for each in callbacks),
            log_every_n_steps=1,  # we log once an epoch; more would make short epochs warn
            limit_val_batches=None if validates else 0,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
        )
    # RuntimeError: what SLURM was asked for does not suit Lightning.
    except (MisconfigurationException, ValueError, TypeError, ImportError, RuntimeError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise ConfigError(f"{_asked(hardware)}: {reason}: change that setting") from error
    check_hardware(experiment, trainer)
    spare_steps(trainer, hardware.timeout)
    if _writes_beside(trainer.strategy.root_device):
        trainer.strategy.checkpoint_io = AsyncCheckpointIO(trainer.strategy.checkpoint_io)
    _advise(experiment, trainer.strategy.root_device, trainer.world_size)
    return trainer


def _writes_beside(device: torch.device) -> bool:
    """Whether checkpoints are written while training goes on: a GPU does not wait for the disk."""
    return device.type == "cuda"


def _advise(experiment: Experiment, device: torch.device, world_size: int) -> None:
    """Say what would be faster, where it computes otherwise and is for the user to choose."""
    hardware = experiment.hardware
    if device.type != "cuda":
        return
    if hardware.execution == "loop" and experiment.co_training.together and world_size == 1:
        say(
            "hardware.execution=loop launches the kernels of one network after the other: auto "
            "measures what is faster on this GPU"
        )
    waits = not is_fused(experiment.optimizer, hardware, device)
    has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    if hardware.precision == "16-mixed" and waits and has_bf16:
        say(
            "hardware.precision=16-mixed makes every step wait for the GPU, to look for overflows: "
            "this GPU has bf16-mixed, which needs no such look"
        )


def _asked(hardware: Hardware) -> str:
    """The settings that are not the defaults, one of which the Trainer refuses, if any are."""
    default = flat_settings(Hardware(), "hardware.")
    changed = {
        name: value
        for name, value in flat_settings(hardware, "hardware.").items()
        if value != default[name]
    }
    return ", ".join(f"{name}={value}" for name, value in changed.items()) or "hardware"


def check_supported(experiment: Experiment, validates: bool) -> None:
    """Raise ConfigError for settings that exclude each other."""
    strategy = experiment.hardware.strategy
    if strategy.startswith(("fsdp", "deepspeed", "model_parallel")):
        raise ConfigError(
            f"hardware.strategy={strategy} divides a network over devices, and a run keeps whole "
            "ones: give ddp; several networks can have a device each (hardware.network_parallel)"
        )
    patience = experiment.early_stopping
    if patience is not None and not validates:
        raise ConfigError(
            f"early_stopping={patience} needs a validation: "
            "give data.validation a share such as 0.1"
        )
    if patience is not None and not experiment.co_training.together:
        raise ConfigError(
            f"early_stopping={patience} would stop all networks with the first: "
            "leave it out, or train with co_training.together=true"
        )


def check_hardware(experiment: Experiment, trainer: lightning.Trainer) -> None:
    """Raise ConfigError for what these devices cannot do."""
    precision = experiment.hardware.precision
    if precision == "16-mixed" and isinstance(trainer.accelerator, CPUAccelerator):
        raise ConfigError(
            "hardware.precision=16-mixed is not possible on a CPU: give bf16-mixed or 32-true"
        )
    check_launched(experiment.hardware, trainer)
    check_network_parallel(experiment, trainer)
    check_synchronised(experiment.hardware, trainer)
    check_alone(experiment, trainer.world_size)
    if trainer.world_size == 1:
        return
    if not experiment.co_training.together:
        raise ConfigError(
            f"co_training.together=false trains on one device, not {trainer.world_size}: "
            "give hardware.devices=1"
        )
    if experiment.hardware.execution not in ("loop", "streams", "auto"):
        raise ConfigError(
            f"hardware.execution={experiment.hardware.execution} works on one device, not "
            f"{trainer.world_size}: give hardware.devices=1, or hardware.execution=loop"
        )
    frozen = experiment.fine_tuning.frozen_epochs
    if frozen:
        raise ConfigError(
            f"fine_tuning.frozen_epochs={frozen} works on one device, not {trainer.world_size}: "
            "give hardware.devices=1, or fine_tuning.frozen_epochs=0"
        )
    if experiment.on_nan == "skip":
        raise ConfigError(
            f"on_nan=skip works on one device, not {trainer.world_size}: "
            "give hardware.devices=1, or on_nan=error"
        )


def _callbacks(experiment: Experiment, progress: bool) -> list[Callback]:
    callbacks: list[Callback] = [progress_callback()] if progress else []
    if experiment.early_stopping is not None:
        patience = experiment.early_stopping
        callbacks.append(EarlyStopping("val_accuracy", mode="max", patience=patience))
    return callbacks


@contextmanager
def quiet() -> Iterator[None]:
    """Without Lightning's advice on workers and logging; errors and our own lines remain."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PossibleUserWarning)
            warnings.filterwarnings("ignore", ".*training_step` returned `None`")
            warnings.filterwarnings("ignore", ".*AMP with fp16 is not supported on CPU")
            # Lightning 2.6 asks newer torch releases in a way that they deprecate.
            warnings.filterwarnings("ignore", ".*isinstance.treespec, LeafSpec")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
