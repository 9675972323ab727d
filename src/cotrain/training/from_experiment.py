"""What an experiment trains, and on what: its images and its ensemble."""

import copy
from dataclasses import replace
from pathlib import Path

import torch

from cotrain.basics.errors import ConfigError
from cotrain.basics.seeds import seeded
from cotrain.config import Experiment
from cotrain.data import Splits, load_splits
from cotrain.ensemble.divide import divide
from cotrain.ensemble.ensemble import Ensemble, load_shipped
from cotrain.execution import TrainingExecution, choose, prepare_training
from cotrain.networks import (
    ForeignSpec,
    NetworkSpec,
    native_preprocessing,
    spec_for_images,
)
from cotrain.networks.foreign import is_foreign
from cotrain.networks.registry import named_spec
from cotrain.training.notices import say


def experiment_images(experiment: Experiment) -> Splits:
    """The images; for a network of another library as large and normalised as it was made for.

    What ``data`` says of size, mean and standard deviation takes precedence.
    """
    data, keep_files = experiment.data, experiment.views.crop == "resized"
    if not is_foreign(experiment.network):
        return load_splits(data, keep_files=keep_files)
    options = {"image_size": data.image_size, **experiment.network_options}
    large = named_spec(experiment.network, **options)
    assert isinstance(large, ForeignSpec)
    splits = load_splits(replace(data, image_size=large.image_size), keep_files=keep_files)
    shape = splits.preprocessing
    native = native_preprocessing(replace(large, in_channels=shape.in_channels))
    if native is None:
        return splits
    mean, std = tuple(data.mean or native.mean), tuple(data.std or native.std)
    return replace(splits, preprocessing=replace(shape, mean=mean, std=std))


def experiment_ensemble(experiment: Experiment, splits: Splits) -> Ensemble:
    """The ensemble before training, knowing its classes and preprocessing.

    Raises:
        ConfigError: A network that cannot be divided or inherited so, or trained on such a batch.
    """
    shape = splits.preprocessing
    large = spec_for_images(
        experiment.network,
        num_classes=len(splits.classes),
        in_channels=shape.in_channels,
        image_size=shape.image_size,
        **experiment.network_options,
    )
    inherits = experiment.inherit is not None
    ensemble = divide(
        _trained(experiment, large) if inherits else large,
        experiment.into,
        seed=experiment.seed,
        initialization="inherit" if inherits else experiment.co_training.initialization,
        **vars(experiment.dividing),
    )
    ensemble.spec = replace(ensemble.spec, classes=splits.classes, preprocessing=shape)
    if experiment.batch_size == 1:
        _check_batch_of_one(ensemble)
    return ensemble


def _check_batch_of_one(ensemble: Ensemble) -> None:
    """BatchNorm takes no statistics of one value, such as that of one image of 1 x 1 pixels."""
    network = copy.deepcopy(ensemble.networks[0]).train()
    try:
        with torch.no_grad(), seeded(0):
            network(torch.zeros(1, *ensemble.image_shape))
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise ConfigError(
            "batch_size=1 is one value a channel for a BatchNorm of the network, which needs more: "
            "give at least 2"
        ) from None


def _trained(experiment: Experiment, large: NetworkSpec) -> Ensemble:
    """The trained large network that the S networks start from."""
    if experiment.co_training.initialization == "identical":
        raise ConfigError(
            "co_training.initialization=identical is of fresh weights: leave out inherit"
        )
    trained = load_shipped(Path(str(experiment.inherit)))
    found = trained.spec
    if found.into != 1 or found.large != large:
        raise ConfigError(
            f"inherit={experiment.inherit}: it holds {found.large.arch} divided into {found.into}, "
            f"for {found.large.num_classes} classes: give a run of {large.arch} with --into 1 on "
            "the same classes and image size"
        )
    return trained


def training_execution(
    experiment: Experiment, ensemble: Ensemble, device: torch.device
) -> TrainingExecution:
    """The ensemble's networks, prepared to train where they are.

    Raises:
        ConfigError: A strategy that networks or hardware do not allow.
    """
    strategy = experiment.hardware.execution
    if strategy == "auto":
        shape = (experiment.into, experiment.batch_size, *ensemble.image_shape)
        choice = choose(ensemble, shape, device=device, training=True)
        say(f"hardware.execution=auto: {choice.reason}")
        strategy = choice.strategy
    return prepare_training(ensemble, strategy)
