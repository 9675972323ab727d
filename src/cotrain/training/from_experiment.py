"""What an experiment trains, and on what: its images and its ensemble."""

import copy
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

import torch
from torch import nn

from cotrain.basics.errors import ConfigError
from cotrain.basics.seeds import seeded
from cotrain.config import Experiment
from cotrain.data import SplitRecord, Splits, load_splits
from cotrain.data.class_balance import balanced_weights
from cotrain.data.framing import as_before, channels_of
from cotrain.data.sources import Source
from cotrain.ensemble.assemble import some_of
from cotrain.ensemble.divide import divide
from cotrain.ensemble.ensemble import Ensemble
from cotrain.ensemble.losses import CoTrainingLoss
from cotrain.ensemble.peers.peer import Peer, make_peer
from cotrain.ensemble.preprocessing import native_images
from cotrain.execution import TrainingExecution, choose, prepare_training
from cotrain.networks import ForeignSpec, NetworkSpec, spec_for_images
from cotrain.networks.foreign import is_foreign
from cotrain.networks.registry import named_spec
from cotrain.training.mixed import mixed_ensemble
from cotrain.training.notices import say
from cotrain.training.parents import parents_images, parents_split, trained_network


def experiment_images(
    experiment: Experiment, remembered: SplitRecord | None = None, source: Source | None = None
) -> Splits:
    """The images; for a network of another library as it was made for; the first of several.

    Those of networks that inherit are made as their run's were. What ``data`` says of size, crop,
    mean and standard deviation takes precedence. Networks that inherit, or have a teacher, keep the
    images held out that its run held out.

    Args:
        experiment: Which images, and for which network.
        remembered: The split of a run that is gone on with; drawn, or inherited, if None.
        source: The images, where a program gives them.

    Raises:
        ConfigError: As ``load_splits``, or the parent's images were split in another way.
    """
    data, native = experiment.data, parents_images(experiment)
    if native is not None:
        data = as_before(data, native)
    if source is not None:
        data = replace(data, in_channels=data.in_channels or source.in_channels)
    foreign = next((name for name in experiment.networks if is_foreign(name)), None)
    if foreign is not None:
        options = {"image_size": data.image_size, **experiment.network_options}
        spec = named_spec(foreign, **options)
        assert isinstance(spec, ForeignSpec)
        native = native or native_images(replace(spec, in_channels=channels_of(data)))
        data = replace(data, image_size=spec.image_size)
    return load_splits(
        data,
        keep_files=experiment.views.crop == "resized",
        native=native,
        remembered=remembered or parents_split(experiment, source),
        source=source,
    )


def experiment_ensemble(
    experiment: Experiment, splits: Splits, *, resumed: bool = False
) -> Ensemble | Peer:
    """The ensemble, or the peer, before training, knowing its classes and preprocessing.

    Args:
        experiment: Which networks, and what they start from.
        splits: The images.
        resumed: Its weights are loaded afterwards: no pretrained ones are looked for.

    Raises:
        ConfigError: A network that cannot be divided or inherited so, or trained on such a batch.
    """
    if experiment.is_mixed:
        ensemble = mixed_ensemble(experiment, splits, resumed=resumed)
    else:
        ensemble = _of_large(experiment, splits, resumed=resumed)
    if experiment.co_training.member is not None:
        assert isinstance(ensemble, Ensemble)
        ensemble = some_of(ensemble, experiment.network_numbers).train()
    if experiment.batch_size == 1:
        _check_batch_of_one(ensemble)
    return ensemble


def _of_large(experiment: Experiment, splits: Splits, *, resumed: bool) -> Ensemble | Peer:
    """The large network divided, or the peer that it becomes."""
    shape = splits.preprocessing
    large = spec_for_images(
        experiment.network,
        num_classes=len(splits.classes),
        in_channels=shape.in_channels,
        image_size=shape.image_size,
        **experiment.network_options,
    )
    ensemble: Ensemble | Peer
    if experiment.peer == "none":
        pretrained = not resumed and experiment.pretrained
        ensemble = _divided(experiment, large, splits.classes, pretrained=pretrained)
    else:
        ensemble = make_peer(
            experiment.peer,
            large,
            experiment.into,
            seed=experiment.seed,
            input_repetition=experiment.input_repetition,
        )
    known = {"classes": splits.classes, "preprocessing": shape}
    ensemble.spec = replace(ensemble.spec, **known)  # type: ignore[type-var]
    return ensemble


def _divided(
    experiment: Experiment, large: NetworkSpec, classes: Sequence[str], *, pretrained: bool | str
) -> Ensemble:
    inherits = experiment.inherit is not None
    return divide(
        trained_network(experiment, large, classes) if inherits else large,
        experiment.into,
        sized_for=experiment.sized_for,
        seed=experiment.seed,
        initialization="inherit" if inherits else experiment.co_training.initialization,
        pretrained=pretrained,
        **vars(experiment.dividing),
    )


def class_weights(experiment: Experiment, splits: Splits) -> tuple[float, ...] | None:
    """What an image of each class counts; None if all count alike.

    Raises:
        ConfigError: They are to be balanced, and a class has no training image.
    """
    if experiment.weights.classes == "none":
        return None
    return balanced_weights(splits.train.targets, splits.classes)


def co_training_loss(
    experiment: Experiment, class_weights: tuple[float, ...] | None
) -> CoTrainingLoss:
    """The loss of the networks; ``class_weights`` as the function of that name gives them."""
    options = experiment.co_training
    return CoTrainingLoss(options.divergence, options.label_smoothing, class_weights)


def _check_batch_of_one(ensemble: Ensemble | Peer) -> None:
    """BatchNorm takes no statistics of one value, such as that of one image of 1 x 1 pixels."""
    try:
        with torch.no_grad(), seeded(0):
            for network in ensemble.networks:
                copy.deepcopy(network).train()(torch.zeros(1, *ensemble.image_shape))
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise ConfigError(
            "batch_size=1 is one value a channel for a BatchNorm of the network, which needs more: "
            "give at least 2"
        ) from None


def training_execution(
    experiment: Experiment,
    networks: Sequence[nn.Module],
    shape: tuple[int, ...],
    device: torch.device,
    context: Callable[[], AbstractContextManager[object]],
    alone: bool,
) -> TrainingExecution:
    """The networks that a process trains, prepared where they are.

    Args:
        experiment: The strategy, or ``auto`` to measure what is trained, as it is trained.
        networks: Compiled and laid out as in training.
        shape: Of their views, [networks, B, C, H, W].
        device: Where the views are.
        context: What a training step's forward pass is in: autocast, where precision asks for it.
        alone: Whether no other process trains on the same step.

    Raises:
        ConfigError: A strategy that networks or hardware do not allow.
    """
    strategy = experiment.hardware.execution
    if strategy == "auto" and not (alone and experiment.co_training.together):
        others = "networks take turns" if alone else "several processes train together"
        say(f"hardware.execution=auto: loop, as {others}")
        strategy = "loop"
    elif strategy == "auto":
        choice = choose(
            networks,
            shape,
            device=device,
            dtype=next(networks[0].parameters()).dtype,
            training=context,
            channels_last=experiment.hardware.channels_last,
        )
        say(f"hardware.execution=auto: {choice.reason}")
        strategy = choice.strategy
    return prepare_training(networks, strategy)
