"""From an experiment to a run folder: build, train or resume, ship, evaluate."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch
import torch.distributed as dist
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from cotrain.basics.errors import ConfigError
from cotrain.basics.lock import locked
from cotrain.basics.output import output_folder
from cotrain.basics.run_folder import RunFolder
from cotrain.config import Experiment
from cotrain.config.difference import PLACE, first_difference, record_settings
from cotrain.config.recipes import load_recipe
from cotrain.data import Share, Splits, read_record
from cotrain.data.datasets import check_outside_images
from cotrain.data.remembering import check_same_views
from cotrain.data.settings import check_heeded
from cotrain.data.user_data import UserData
from cotrain.data.worker_processes import dead_workers_named
from cotrain.training.building import build_module
from cotrain.training.clear_errors import clear_errors, fewer_workers
from cotrain.training.from_experiment import experiment_images
from cotrain.training.given import Given, given
from cotrain.training.launched import first_where_alone
from cotrain.training.loggers import log_outcome
from cotrain.training.module import CoTraining
from cotrain.training.notices import print_line, say
from cotrain.training.restarts import meet_again, restarted
from cotrain.training.resuming import (
    check_images,
    check_tensors,
    read_state,
    sound,
    threads_of,
)
from cotrain.training.schedules import check_schedule, say_too_short
from cotrain.training.shipping import RunResult, ship_ensemble
from cotrain.training.trainer import build_trainer, quiet


def fit(
    experiment: Experiment,
    output: Path | str,
    *,
    resume: bool = False,
    progress: bool = True,
    without_best: bool = False,
    split_of: Path | None = None,
    data: UserData | Sequence[Any] | None = None,
    callbacks: Sequence[Callback] = (),
    logger: Logger | Sequence[Logger] = (),
) -> RunResult:
    """Divide, co-train and evaluate; everything is written into ``output``.

    Args:
        experiment: What to train, on what, and how.
        output: The run folder; it must not hold a run unless ``resume`` is set, or ``torchrun``
            has started again what the same command began there. Of one of networks that are
            trained apart the folder of all of them, in which it has its own.
        resume: Go on from the newest whole checkpoint in ``output``, to the same final weights,
            bit for bit on the CPU, as a run that was never stopped.
        progress: Show a progress bar.
        without_best: Go on though the best ensemble is lost: the best of the epochs that follow
            is shipped, or the last.
        split_of: A run, or a comparison, whose images are used, part by part, and which has shown
            what they are; a new run draws its own if None.
        data: Data sets of a program in the place of ``experiment.data``: (train, val, test), of
            which val and test may be None, or a ``UserData``; a resumed run needs them again.
        callbacks: Further callbacks of the Trainer; a resumed run needs them again.
        logger: Further loggers of the Trainer.

    Raises:
        ConfigError: A setting that does not fit the images, the network or the folder, or
            another process in the folder.
        TrainingError: The loss is not finite, or the folder cannot be written.
        Interrupted: Ctrl-C, SIGTERM, SIGHUP or their like; the state is saved.
    """
    folder, member = RunFolder(output_folder(output)), experiment.co_training.member
    if member is not None and not resume:
        folder = folder.of_member(member)
    beside = given(data, callbacks, logger, progress=progress)
    experiment = beside.in_settings(experiment)
    check_schedule(experiment.schedule)
    resume = resume or (restarted() and folder.config.exists())
    with first_where_alone(experiment.hardware), _own(folder, experiment, resume):
        state = read_state(folder, experiment, without_best=without_best)
        with _threads(threads_of(state, experiment.hardware.threads)):
            splits = _images(experiment, folder, resume, split_of, beside)
            with quiet():
                module, trainer = _train(experiment, folder, splits, progress, state, beside)
            together = dist.is_available() and dist.is_initialized()  # forked ones are gone by now
            share = Share(trainer.global_rank, trainer.world_size) if together else Share()
            told = clear_errors(folder, trainer, experiment.hardware)
            with told if together else nullcontext():
                device = trainer.strategy.root_device
                result = ship_ensemble(module, folder, splits, device, share)
            if trainer.is_global_zero:
                log_outcome(trainer, experiment, result.evaluation)
            return result


def _images(
    experiment: Experiment,
    folder: RunFolder,
    resume: bool,
    split_of: Path | None,
    beside: Given,
) -> Splits:
    """The images of the run: as it, or else another, remembers them; else drawn, and shown."""
    own = resume and folder.split.exists()
    run = folder if own else split_of and RunFolder(split_of)
    remembered, source = run and read_record(run.split), beside.source(experiment)
    if own and remembered and source:
        check_same_views(remembered, source)
    splits = experiment_images(experiment, remembered, source)
    if split_of is None and not getattr(rank_zero_only, "rank", 0):
        print_line(str(splits.summary))
    return splits


@contextmanager
def _own(folder: RunFolder, experiment: Experiment, resume: bool) -> Iterator[None]:
    """Be the only one in the folder, which a new run must find empty, and others as they were."""
    if getattr(rank_zero_only, "rank", 0):
        yield  # the first process has it, and may have written since
        return
    if resume:
        folder.check_begun("--resume")
    else:
        check_heeded(experiment.views, experiment.data)
        check_outside_images(folder.root, experiment.data)
    with locked(folder.root), _nothing_left(folder):
        folder.check_folders()
        if resume:
            _check_settings(folder, experiment)
        elif folder.config.exists() or folder.checkpoint.exists():
            raise ConfigError(
                f"--output {folder.root} already holds a run: "
                f"go on with --resume {folder.root}, or choose another --output"
            )
        yield


@contextmanager
def _nothing_left(folder: RunFolder) -> Iterator[None]:
    """Remove what a run that is refused has begun, which are TensorBoard's events."""
    existed = folder.config.exists() or folder.tensorboard.exists()
    try:
        yield
    finally:
        if not existed and not folder.config.exists():
            shutil.rmtree(folder.tensorboard, ignore_errors=True)


def _check_settings(folder: RunFolder, experiment: Experiment) -> None:
    saved = folder.checkpoint.exists()  # which knows how many processes began
    record = record_settings(load_recipe(folder.config))
    difference = first_difference(record, experiment, PLACE if saved else ())
    if difference is not None:
        raise ConfigError(
            f"--resume {folder.root}: its config.yaml says {difference.name}: {difference.before},"
            f" the settings given say {difference.now}: choose another --output for these"
        )


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Compute with so many CPU threads inside."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _train(
    experiment: Experiment,
    folder: RunFolder,
    splits: Splits,
    progress: bool,
    state: dict[str, Any] | None,
    beside: Given,
) -> tuple[CoTraining, lightning.Trainer]:
    """The module, which Lightning leaves on the CPU, and what knows where it was trained."""
    begun = None if state is None else state["global_step"]
    trainer = build_trainer(
        experiment,
        folder,
        validates=splits.val is not None,
        resumed_step=begun,
        progress=progress,
        beside=beside,
    )
    module, loaders = build_module(
        experiment,
        splits,
        folder,
        trainer.world_size,
        device=trainer.strategy.root_device,
        state=state,
    )
    module.sharing.say()
    trainer.accumulate_grad_batches = module.sharing.accumulate
    if state is not None:
        check_tensors(state, module, folder)
        if loaders.state_dict() == state.get(type(loaders).__qualname__):  # else it refuses them
            check_images(folder, splits.preprocessing)
    say_too_short(experiment.schedule, experiment.epochs)
    resumed = None if begun is None else folder.checkpoint
    try:
        with (
            sound(folder, begun=lambda: state is None or module.begun),
            dead_workers_named(fewer_workers(folder)),
            clear_errors(folder, trainer, experiment.hardware),
        ):
            meet_again(trainer, experiment.hardware.timeout)
            trainer.fit(module, datamodule=loaders, ckpt_path=resumed, weights_only=True)
    finally:
        module.execution.close()
    if begun == trainer.global_step:
        say(f"{folder.root} was trained to its end already: only evaluating")
    return module, trainer
