"""The frozen description of one experiment: which network, which images, how it is trained.

A recipe (YAML) holds these fields; the command line overrides them by dotted name
(``--optimizer.lr 0.05``). Nothing below the builder sees these records: layers and losses take
plain arguments.
"""

from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from cotrain.config.data import Data, Views
from cotrain.config.dividing import DivideOptions
from cotrain.config.fine_tuning import FineTuning
from cotrain.config.heeding import refuse_unheeded
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
from cotrain.config.together import check_together
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
            library, such as ``timm:convnext_tiny``, ``torchvision:resnet50`` or ``hf:vit``. Several
            names with commas between are S networks that are trained together as they are: nothing
            is divided.
        network_options: Further arguments of the network, such as ``{"drop_path_rate": 0.1}``; of
            several networks, those of each.
        into: S, the number of networks it is divided into; 1 trains the large network itself. Of
            several networks how many they are.
        sized_for: How many networks of their size cost as much as the large one; null is into. With
            into 1 and sized_for 4, one of four small networks is trained, alone.
        peer: What gives the S answers instead of S networks, to compare with: the large network
            ``packed`` (arXiv:2210.09184) or as ``mimo`` (arXiv:2010.06610).
        input_repetition: Share of mimo's training inputs that have one image in all places; its
            authors use 0 for wide networks and small images, 0.6 for photos.
        epochs: Passes over the training images.
        batch_size: Images of one training step on one device.
        inherit: A run folder, or an ensemble of S=1: the trained large network whose weights the S
            networks start from; null starts with fresh weights. Of several networks a run or an
            ensemble of these: each goes on from its own weights.
        pretrained: Start from trained weights: those that timm or torchvision keep for the
            network's name, or that stand in an ``hf:`` folder (true); or a file of them. S smaller
            networks inherit from them, S of the whole size (``sized_for`` 1) each have them. Of
            several networks each has its own; as many files, or the word true, have commas between.
        seed: Seed of initialisation, order, views and dropout.
        dividing: How a network of another library is divided.
        data: Which images.
        views: How an image becomes a view.
        optimizer: Optimizer and weight decay.
        schedule: Learning rate over time.
        co_training: The co-training loss and its ablations.
        teacher: A trained ensemble that the networks learn from beside the labels.
        fine_tuning: How networks that start from trained weights are trained on.
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
    fine_tuning: FineTuning = field(default_factory=FineTuning)
    weights: Weights = field(default_factory=Weights)
    hardware: Hardware = field(default_factory=Hardware)
    ema: float | None = bounded(None, SHARE)
    early_stopping: int | None = bounded(None, at_least(1))
    checkpoint_steps: int = bounded(500, at_least(1))
    on_nan: Literal["error", "skip"] = "error"
    logger: str = "tensorboard"

    @property
    def networks(self) -> tuple[str, ...]:
        """The names that ``network`` holds: of the large network alone, or of S networks."""
        return tuple(self.network.split(","))

    @property
    def is_mixed(self) -> bool:
        """Whether S networks are named, of which each is trained as it is."""
        return len(self.networks) > 1

    @property
    def trained_networks(self) -> int:
        """How many networks are trained: S, the one of a peer, or a member alone."""
        return self.into if self.peer == "none" and self.co_training.member is None else 1

    @property
    def network_numbers(self) -> range:
        """Which of the S networks they are, by which their views and weights are drawn."""
        first = self.co_training.member or 0
        return range(first, first + self.trained_networks)

    @property
    def divided_by(self) -> int:
        """How many networks of the size of those that are trained cost as much as the large one."""
        if self.is_mixed or self.peer != "none":
            return 1
        return self.sized_for or self.into

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
        trained = self.inherit is not None or self.pretrained is not False
        self.fine_tuning.check(starts_trained=trained, epochs=self.epochs)
        refuse_unheeded("co_training", self.co_training)
        check_together(flat_settings(self))
        # A run's settings shall name them.
        object.__setattr__(self, "data", self.data.resolved())
        object.__setattr__(self, "optimizer", self.optimizer.resolved(self.network))


def flat_settings(record: Any, prefix: str = "") -> dict[str, Any]:
    """The settings of an experiment, or of a part of one, by dotted name (``optimizer.lr``)."""
    settings: dict[str, Any] = {}
    for each in fields(record):
        value, name = getattr(record, each.name), prefix + each.name
        settings |= flat_settings(value, name + ".") if is_dataclass(value) else {name: value}
    return settings
