"""The module that is trained, and the loaders of its images, before the first step."""

from collections.abc import Mapping
from typing import Any

import torch

from cotrain.basics.run_folder import RunFolder
from cotrain.config import Experiment
from cotrain.data import Splits
from cotrain.execution.compiling import compile_in_place
from cotrain.training.agreement import Agreement
from cotrain.training.bank import Bank, PredictionsOf
from cotrain.training.batch_norm import keeps_wrong_statistics, synchronise, take_statistics
from cotrain.training.cached_features import FeatureCache
from cotrain.training.datamodule import Loaders
from cotrain.training.exchange import Exchange
from cotrain.training.freezing import Freezing
from cotrain.training.from_experiment import class_weights, co_training_loss, experiment_ensemble
from cotrain.training.module import CoTraining
from cotrain.training.sharing import sharing_of
from cotrain.training.teacher import open_teacher


def build_module(
    experiment: Experiment,
    splits: Splits,
    folder: RunFolder,
    world_size: int,
    *,
    device: torch.device,
    state: Mapping[str, Any] | None = None,
) -> tuple[CoTraining, Loaders]:
    """What is trained before its first step, and the loaders of its images.

    Args:
        experiment: What to train, and how.
        splits: The images.
        folder: The run folder.
        world_size: How many processes train together.
        device: Where this one trains.
        state: What the run goes on from, whose weights are loaded afterwards; None for a new one.

    Raises:
        ConfigError: A network that cannot be divided so, or trained on such a batch.
    """
    resumed = state is not None
    processes = world_size // experiment.hardware.network_parallel
    sharing = sharing_of(experiment, len(splits.train), processes, state)
    loaders = Loaders(experiment, splits, sharing.begun)
    batches = loaders.training(sharing.first)  # refuses here what no process could do
    ensemble = experiment_ensemble(experiment, splits, resumed=resumed)
    starts_trained = experiment.inherit is not None or experiment.pretrained is not False
    if starts_trained and not resumed and keeps_wrong_statistics(ensemble):
        # Processes that are still to be forked must not find a GPU in use.
        take_statistics(ensemble, loaders, device if world_size == 1 else torch.device("cpu"))
    if experiment.hardware.sync_batch_norm and world_size > 1:
        synchronise(ensemble)
    tuning = experiment.fine_tuning
    views = tuning.cached_views
    cache = FeatureCache(ensemble, splits, views) if views else None
    freezes = tuning.frozen_epochs or tuning.frozen_batch_norm
    weights = class_weights(experiment, splits)
    exchange = _exchange(experiment, splits, folder, weights, batches, resumed=resumed)
    callbacks = [Agreement(experiment, splits, state)]
    callbacks += [Freezing(ensemble, tuning, cache)] if freezes else []
    module = CoTraining(
        ensemble,
        experiment,
        sharing,
        weights,
        open_teacher(experiment, splits, folder),
        cache,
        [*callbacks, exchange] if exchange else callbacks,
        exchange,
    )
    _arrange(module, experiment)
    return module, loaders


def _exchange(
    experiment: Experiment,
    splits: Splits,
    folder: RunFolder,
    weights: tuple[float, ...] | None,
    loader: Any,
    *,
    resumed: bool,
) -> Exchange | None:
    """With the networks that other processes train; None where there are none."""
    options = experiment.co_training
    if options.member is None:
        return None
    of = PredictionsOf(
        into=experiment.into,
        images=len(splits.train),
        classes=len(splits.classes),
        digest=splits.record and splits.record.digest,
        seed=experiment.seed,
    )
    bank = Bank(folder.bank, options.member, of)
    loss = co_training_loss(experiment, weights)
    return Exchange(loss, options, bank, loader.sampler, loader.dataset, resumed=resumed)


def _arrange(module: CoTraining, experiment: Experiment) -> None:
    """Precision, before a state is taken up; memory format and compilation."""
    if experiment.hardware.precision == "64-true":
        module.double()
    if experiment.hardware.channels_last:
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if experiment.hardware.compile:
        for network in module.ensemble.networks:
            compile_in_place(network)
