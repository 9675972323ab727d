"""What an experiment trains, and on what: its images and its ensemble."""

import copy
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import possible_runs
from cotrain.basics.seeds import seeded
from cotrain.config import Data, Experiment
from cotrain.data import SplitRecord, Splits, load_splits, read_record
from cotrain.data.class_balance import balanced_weights
from cotrain.data.framing import channels_of
from cotrain.data.same_images import is_same
from cotrain.data.sources import Source
from cotrain.data.split_record import splitting
from cotrain.ensemble.assemble import some_of
from cotrain.ensemble.divide import divide
from cotrain.ensemble.ensemble import Ensemble, load_shipped
from cotrain.ensemble.losses import CoTrainingLoss
from cotrain.ensemble.peers.peer import Peer, make_peer
from cotrain.ensemble.preprocessing import native_images
from cotrain.execution import TrainingExecution, choose, prepare_training
from cotrain.networks import ForeignSpec, NetworkSpec, spec_for_images
from cotrain.networks.foreign import is_foreign
from cotrain.networks.registry import named_spec
from cotrain.training.mixed import mixed_ensemble
from cotrain.training.notices import say


def experiment_images(
    experiment: Experiment, remembered: SplitRecord | None = None, source: Source | None = None
) -> Splits:
    """The images; for a network of another library as it was made for; the first of several.

    What ``data`` says of size, crop, mean and standard deviation takes precedence. Networks that
    inherit, or have a teacher, keep the images held out that its run held out.

    Args:
        experiment: Which images, and for which network.
        remembered: The split of a run that is gone on with; drawn, or inherited, if None.
        source: The images, where a program gives them.

    Raises:
        ConfigError: As ``load_splits``, or the parent's images were split in another way.
    """
    data, native = experiment.data, None
    if source is not None:
        data = replace(data, in_channels=data.in_channels or source.in_channels)
    foreign = next((name for name in experiment.networks if is_foreign(name)), None)
    if foreign is not None:
        options = {"image_size": data.image_size, **experiment.network_options}
        spec = named_spec(foreign, **options)
        assert isinstance(spec, ForeignSpec)
        native = native_images(replace(spec, in_channels=channels_of(data)))
        data = replace(data, image_size=spec.image_size)
    return load_splits(
        data,
        keep_files=experiment.views.crop == "resized",
        native=native,
        remembered=remembered or _parents_split(experiment),
        source=source,
    )


def _parents_split(experiment: Experiment) -> SplitRecord | None:
    """How the run that is inherited from, or learnt from, split the same images."""
    parents = {"inherit": experiment.inherit, "teacher.run": experiment.teacher.run}
    found: SplitRecord | None = None
    for name, path in parents.items():
        record = None if path is None else _split_of(Path(path), name, experiment.data)
        if record is not None and found is not None and record.digest != found.digest:
            raise ConfigError(
                f"inherit={experiment.inherit} and {name}={path} held out different images, of "
                "which one has seen the other's: give runs of the same split"
            )
        found = found or record
    return found


def _split_of(parent: Path, name: str, data: Data) -> SplitRecord | None:
    records = (read_record(run.split) for run in possible_runs(parent))
    record = next((each for each in records if each is not None), None)
    if record is None or not is_same(record, data):
        return None
    for setting, value in splitting(data).items():
        own = record.origin.settings.get(setting)
        if own != value:
            raise ConfigError(
                f"{name}={parent}: it was trained with data.{setting}={own}, not {value}: give the "
                "same, so that what it held out stays held out"
            )
    return record


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
        ensemble = _divided(experiment, large, pretrained=not resumed and experiment.pretrained)
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


def _divided(experiment: Experiment, large: NetworkSpec, *, pretrained: bool | str) -> Ensemble:
    inherits = experiment.inherit is not None
    return divide(
        _trained(experiment, large) if inherits else large,
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


def _trained(experiment: Experiment, large: NetworkSpec) -> Ensemble:
    """The trained large network that the S networks start from."""
    if experiment.co_training.initialization == "identical":
        raise ConfigError(
            "co_training.initialization=identical is of fresh weights: leave out inherit"
        )
    trained = load_shipped(Path(str(experiment.inherit)))
    found = trained.spec
    if not found.is_large or found.large != large:
        what = found.arch if found.divided is None else f"{found.arch} divided into {found.into}"
        raise ConfigError(
            f"inherit={experiment.inherit}: it holds {what}, for {found.num_classes} classes: give "
            f"a run of {large.arch} with --into 1 on the same classes and image size"
        )
    return trained


def training_execution(
    experiment: Experiment,
    networks: Sequence[nn.Module],
    shape: tuple[int, ...],
    device: torch.device,
    context: Callable[[], AbstractContextManager[object]],
) -> TrainingExecution:
    """The networks that a process trains, prepared where they are.

    Args:
        experiment: The strategy, or ``auto`` to measure what is trained, as it is trained.
        networks: Compiled and laid out as in training.
        shape: Of their views, [networks, B, C, H, W].
        device: Where the views are.
        context: What a training step's forward pass is in: autocast, where precision asks for it.

    Raises:
        ConfigError: A strategy that networks or hardware do not allow.
    """
    strategy = experiment.hardware.execution
    if strategy == "auto":
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
