"""The frozen description of one experiment: which network, which images, how it is trained.

A recipe (YAML) holds these fields; the command line overrides them by dotted name
(``--optimizer.lr 0.05``). Nothing below the builder sees these records: layers and losses take
plain arguments.
"""

from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from cotrain.basics.errors import ConfigError
from cotrain.config.data import Data, Views
from cotrain.config.dividing import DivideOptions
from cotrain.config.limits import (
    MOST_NETWORKS,
    PROBABILITY,
    SHARE,
    at_least,
    between,
    bounded,
    check_settings,
)
from cotrain.config.loggers import chosen_loggers
from cotrain.config.options import check_network_options, check_options
from cotrain.config.peer import PeerSetting
from cotrain.config.training import (
    CoTrainingOptions,
    Hardware,
    Optimizer,
    Schedule,
    Teacher,
    Weights,
)


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One training run.

    Args:
        network: Name of the large network: of ``cotrain.networks.list_networks()``, or of another
            library, such as ``timm:convnext_tiny``, ``torchvision:resnet50`` or ``hf:vit``.
        network_options: Further arguments of the network, such as ``{"drop_path_rate": 0.1}``.
        into: S, the number of networks it is divided into; 1 trains the large network itself.
        sized_for: How many networks of their size cost as much as the large one; null is into. With
            into 1 and sized_for 4, one of four small networks is trained, alone.
        peer: What gives the S answers instead of S networks, to compare with: the large network
            ``packed`` (arXiv:2210.09184) or as ``mimo`` (arXiv:2010.06610).
        input_repetition: Share of mimo's training inputs that have one image in all places; its
            authors use 0 for wide networks and small images, 0.6 for photos.
        epochs: Passes over the training images.
        batch_size: Images of one training step on one device.
        inherit: A run folder, or an ensemble of S=1: the trained large network whose weights the S
            networks start from; null starts with fresh weights.
        pretrained: Start from trained weights: those that timm or torchvision keep for the
            network's name, or that stand in an ``hf:`` folder (true); or a file of them. S smaller
            networks inherit from them, S of the whole size (``sized_for`` 1) each have them.
        seed: Seed of initialisation, order, views and dropout.
        dividing: How a network of another library is divided.
        data: Which images.
        views: How an image becomes a view.
        optimizer: Optimizer and weight decay.
        schedule: Learning rate over time.
        co_training: The co-training loss and its ablations.
        teacher: A trained ensemble that the networks learn from beside the labels.
        weights: What makes up for classes that have fewer images than others.
        hardware: Devices, precision and memory format.
        ema: Decay of an exponential moving average of weights and BatchNorm buffers, which is
            then what is validated and shipped; null is off. In step t, from 0, it is at most 0.9 or
            (1 + t) / (10 + t), whichever is more.
        early_stopping: Stop after this many epochs without a better validation; null is off.
        checkpoint_steps: Save a checkpoint every so many steps, besides every epoch's end.
        on_nan: What to do when the loss is not finite: stop, or skip that step.
        logger: What shows its curves, beside metrics.csv: some of tensorboard,csv,wandb,mlflow.
    """

    network: str = "basic_resnet"
    network_options: dict[str, Any] = field(default_factory=dict[str, Any])
    into: int = bounded(4, between(1, MOST_NETWORKS))
    sized_for: int | None = bounded(None, between(1, MOST_NETWORKS))
    peer: PeerSetting = "none"
    input_repetition: float = bounded(0.0, PROBABILITY)
    epochs: int = bounded(60, between(1, 1_000_000))
    batch_size: int = bounded(64, at_least(1))
    inherit: str | None = None
    pretrained: bool | str = False
    seed: int = 0
    dividing: DivideOptions = field(default_factory=DivideOptions)
    data: Data = field(default_factory=Data)
    views: Views = field(default_factory=Views)
    optimizer: Optimizer = field(default_factory=Optimizer)
    schedule: Schedule = field(default_factory=Schedule)
    co_training: CoTrainingOptions = field(default_factory=CoTrainingOptions)
    teacher: Teacher = field(default_factory=Teacher)
    weights: Weights = field(default_factory=Weights)
    hardware: Hardware = field(default_factory=Hardware)
    ema: float | None = bounded(None, SHARE)
    early_stopping: int | None = bounded(None, at_least(1))
    checkpoint_steps: int = bounded(500, at_least(1))
    on_nan: Literal["error", "skip"] = "error"
    logger: str = "tensorboard"

    @property
    def trained_networks(self) -> int:
        """How many networks are trained: S, or the one of a peer."""
        return self.into if self.peer == "none" else 1

    def __post_init__(self) -> None:
        """Check every word, number and option, and name what ``auto`` and null are.

        Raises:
            ConfigError: Something that no experiment can have.
        """
        check_settings(self)
        check_network_options(self.network_options)
        check_options("optimizer.options", self.optimizer.options)
        chosen_loggers(self.logger)
        self.teacher.check_heeded()
        _check_one_start(self)
        _check_labels_heeded(self)
        _check_peer(self)
        if (self.weights.classes, self.weights.sampler) == ("balanced", "balanced"):
            raise ConfigError(
                "weights.classes=balanced and weights.sampler=balanced would count small classes "
                "twice: give one of them"
            )
        # A run's settings shall name them.
        object.__setattr__(self, "data", self.data.resolved())
        object.__setattr__(self, "optimizer", self.optimizer.resolved(self.network))


def _check_one_start(experiment: Experiment) -> None:
    """Raise ConfigError where networks would start from two things at once."""
    if experiment.pretrained is False:
        return
    if experiment.inherit is not None:
        raise ConfigError(
            f"pretrained={experiment.pretrained} and inherit={experiment.inherit} are both where "
            "the networks start from: give one of them"
        )
    if experiment.co_training.initialization == "identical":
        raise ConfigError(
            "co_training.initialization=identical is of fresh weights: leave out pretrained"
        )


def _check_labels_heeded(experiment: Experiment) -> None:
    """Raise ConfigError for settings of the labels where a teacher has all the weight."""
    if experiment.teacher.weight < 1:
        return
    for name, value, usual in (
        ("co_training.label_smoothing", experiment.co_training.label_smoothing, 0.0),
        ("weights.classes", experiment.weights.classes, "none"),
    ):
        if value != usual:
            raise ConfigError(
                f"{name}={value} would be ignored, as teacher.weight=1 leaves the labels out: "
                f"give --{name} {usual}, or a smaller teacher.weight"
            )


def _check_peer(experiment: Experiment) -> None:
    """Raise ConfigError for settings of S networks where there is one, or of another peer."""
    if experiment.input_repetition and experiment.peer != "mimo":
        raise ConfigError(
            f"input_repetition={experiment.input_repetition} would be ignored: it is for peer=mimo"
        )
    if experiment.peer == "none":
        return
    if experiment.into == 1:
        raise ConfigError(
            f"into=1 is one answer, and peer={experiment.peer} gives several: give into 2 or more"
        )
    options = experiment.co_training
    for name, value, usual in (
        ("co_training.weight", options.weight, 0),
        ("co_training.initialization", options.initialization, "fresh"),
        ("co_training.together", options.together, True),
        ("hardware.execution", experiment.hardware.execution, "loop"),
        ("sized_for", experiment.sized_for, None),
        ("inherit", experiment.inherit, None),
        ("pretrained", experiment.pretrained, False),
        ("teacher.run", experiment.teacher.run, None),
    ):
        if value != usual:
            raise ConfigError(
                f"{name}={value} is for networks of their own, and peer={experiment.peer} is one "
                f"network: {'leave it out' if usual is None else f'give {usual}'}"
            )


def flat_settings(record: Any, prefix: str = "") -> dict[str, Any]:
    """The settings of an experiment, or of a part of one, by dotted name (``optimizer.lr``)."""
    settings: dict[str, Any] = {}
    for each in fields(record):
        value, name = getattr(record, each.name), prefix + each.name
        settings |= flat_settings(value, name + ".") if is_dataclass(value) else {name: value}
    return settings
