"""What an experiment trains, and on what: its images and its ensemble."""

from dataclasses import replace
from pathlib import Path

from cotrain.config import Experiment
from cotrain.data import Splits, load_splits
from cotrain.ensemble import Ensemble
from cotrain.errors import ConfigError
from cotrain.folder_evaluation import load_shipped
from cotrain.making import divide
from cotrain.networks import (
    ForeignSpec,
    NetworkSpec,
    native_preprocessing,
    spec,
    spec_for_images,
)
from cotrain.networks.foreign import is_foreign


def experiment_images(experiment: Experiment) -> Splits:
    """The images; for a network of another library as large and normalised as it was made for.

    What ``data`` says of size, mean and standard deviation takes precedence.
    """
    data, keep_files = experiment.data, experiment.views.crop == "resized"
    native = None
    if is_foreign(experiment.network):
        options = {"image_size": data.image_size, **experiment.network_options}
        large = spec(experiment.network, **options)
        assert isinstance(large, ForeignSpec)
        native = native_preprocessing(large)
    if native is None:
        return load_splits(data, keep_files=keep_files)
    size = data.image_size or native.image_size
    splits = load_splits(replace(data, image_size=size), keep_files=keep_files)
    shape = splits.preprocessing
    if shape.in_channels != len(native.mean):
        return splits
    shape = replace(shape, mean=tuple(data.mean or native.mean), std=tuple(data.std or native.std))
    return replace(splits, preprocessing=shape)


def experiment_ensemble(experiment: Experiment, splits: Splits) -> Ensemble:
    """The ensemble before training, knowing its classes and preprocessing."""
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
    return ensemble


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
