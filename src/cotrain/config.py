"""The frozen description of one experiment: which network, which images, how it is trained.

A recipe (YAML) holds these fields; the command line overrides them by dotted name
(``--optimizer.lr 0.05``). Nothing below the builder sees these records: layers and losses take
plain arguments.
"""

from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from cotrain.dividing.options import DivideOptions
from cotrain.limits import check_numbers

Dataset = Literal[
    "digits", "cifar10", "cifar100", "svhn", "fashion_mnist", "imagenet", "imagefolder"
]


@dataclass(frozen=True, kw_only=True)
class Data:
    """Which images are trained and tested on.

    Args:
        dataset: A named data set, or ``imagefolder`` for a folder of one's own.
        root: Folder of the data set; not needed for ``digits``.
        download: Let torchvision download the data set into ``root``.
        train_images: Train on this many images only, drawn evenly over the classes; all if null.
        test_images: Test on this many images only, drawn evenly over the classes; all if null.
        validation: Share of the training images held out to pick the best checkpoint;
            ``none`` picks nothing: the last epoch is kept. A ``val/`` folder takes precedence.
        test: Share of the images held out for the test where the data set has no test split and
            ``train_images`` is not given; else all that do not train are the test.
        split_seed: Seed of every split and subset; independent of the training seed.
        image_size: Height and width in pixels given to the networks; the data set's own if null.
        in_channels: 3 (RGB) or 1 (grey); the data set's own if null.
        mean: Mean of each channel, of pixels in [0, 1]; the data set's own if null.
        std: Standard deviation of each channel; the data set's own if null.
        unreadable: What to do with images that cannot be decoded: stop with a list, or skip them.
        scan: Decode every file once before training to find unreadable ones.
        workers: Processes that load data beside the training one; 0 loads in the training process.
    """

    dataset: Dataset = "digits"
    root: str | None = None
    download: bool = False
    train_images: int | None = None
    test_images: int | None = None
    validation: float | Literal["none"] = 0.1
    test: float = 0.2
    split_seed: int = 0
    image_size: int | None = None
    in_channels: Literal[1, 3] | None = None
    mean: list[float] | None = None
    std: list[float] | None = None
    unreadable: Literal["error", "skip"] = "error"
    scan: bool = True
    workers: int = 0


@dataclass(frozen=True, kw_only=True)
class Views:
    """How a training image becomes a view; each network gets its own, drawn independently.

    Args:
        crop: ``pad`` pads with zeros and crops at random; ``resized`` crops a random area and
            resizes it (large photos, decoded again in every epoch); ``none`` does not crop.
        padding: Pixels of padding on each side for ``pad``.
        scale: Range of the cropped share of the area for ``resized``.
        flip: Flip half of the views left to right.
        policy: ``none``, ``autoaugment-cifar10``, ``autoaugment-imagenet``, ``autoaugment-svhn``
            or a timm RandAugment string such as ``rand-m9-mstd0.5``.
        erasing: Probability that a rectangle of a view is erased.
        erasing_scale: Range of the erased share of the area.
        erasing_ratio: Range of the erased rectangle's aspect ratio.
        mixup: Alpha of mixup's Beta distribution, drawn once a batch for all views; 0 is off.
        cutmix: Alpha of cutmix's Beta distribution, drawn once a batch for all views; 0 is off.
        same_view: Ablation: all networks see the same view.
    """

    crop: Literal["none", "pad", "resized"] = "pad"
    padding: int = 4
    scale: tuple[float, float] = (0.08, 1.0)
    flip: bool = True
    policy: str = "none"
    erasing: float = 0.0
    erasing_scale: tuple[float, float] = (0.02, 0.33)
    erasing_ratio: tuple[float, float] = (0.3, 3.3)
    mixup: float = 0.0
    cutmix: float = 0.0
    same_view: bool = False


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """One optimizer over all networks.

    Args:
        name: A timm optimizer name: ``sgd`` (Nesterov), ``momentum`` (without), ``adamw``,
            ``rmsproptf`` and so on.
        lr: Peak learning rate.
        momentum: Momentum, for the optimizers that have one.
        weight_decay: Weight decay of the large network.
        divide_weight_decay: Use ``weight_decay * exp(1/S - 1)`` (arXiv:2011.14660, Eq. 6).
        decayed: ``weights`` decays weights but no norms and biases; ``paper`` decays every
            parameter whose name has neither "norm" nor "bias"; ``all`` decays everything.
        clip: Largest norm of the gradient over all networks; null does not clip.
        accumulate: Batches whose gradients are added before a step.
        options: Further arguments of the optimizer, such as ``{"betas": [0.9, 0.95]}``.
    """

    name: str = "sgd"
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    divide_weight_decay: bool = False
    decayed: Literal["weights", "paper", "all"] = "weights"
    clip: float | None = None
    accumulate: int = 1
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The learning rate over the epochs: a linear warm-up, then a curve.

    Args:
        name: The curve after the warm-up.
        warmup_epochs: Length of the warm-up; fractions are allowed. -1 is the paper's way to have
            none: the curve then starts one epoch in.
        warmup_lr: Learning rate of the first step of the warm-up.
        end_lr: Learning rate is never below this.
        milestones: Epochs at which ``step`` multiplies by ``decay_factor``.
        decay_factor: Factor of ``step`` (such as 0.1) and ``exponential`` (such as 0.97).
        decay_epochs: ``exponential`` multiplies once in this many epochs.
    """

    name: Literal["cosine", "step", "poly", "htd", "exponential", "constant"] = "cosine"
    warmup_epochs: float = 0.0
    warmup_lr: float = 0.0
    end_lr: float = 0.0
    milestones: tuple[int, ...] = ()
    decay_factor: float = 0.1
    decay_epochs: float = 1.0


@dataclass(frozen=True, kw_only=True)
class CoTrainingOptions:
    """What makes S networks learn from each other, and the switches that take it away.

    Args:
        divergence: Jensen-Shannon (``js``) or mean pairwise Kullback-Leibler (``kl``).
        weight: Final weight of the divergence; 0 is the ablation without it.
        ramp_epochs: Epochs over which the weight rises; null is 13 % of all (the paper: 40 of 300).
        label_smoothing: Label smoothing of the cross-entropy.
        initialization: Ablation: ``identical`` gives all networks the same initial weights.
        together: Ablation: false trains the networks one after the other, each for all epochs;
            no best epoch is selected then.
    """

    divergence: Literal["js", "kl"] = "js"
    weight: float = 0.5
    ramp_epochs: float | None = None
    label_smoothing: float = 0.0
    initialization: Literal["fresh", "identical"] = "fresh"
    together: bool = True


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """What it runs on; the first four are the Lightning Trainer's arguments of the same names.

    Args:
        accelerator: ``auto``, ``cpu`` or ``gpu``.
        devices: How many devices; ``auto`` is all GPUs, or one CPU process.
        strategy: ``auto``, ``ddp`` and so on.
        num_nodes: Machines.
        precision: ``32-true``, ``16-mixed`` or ``bf16-mixed``.
        channels_last: Keep images and weights in NHWC memory order.
        compile: Compile every network with ``torch.compile``.
        execution: How the S networks are run: ``loop``, one after the other; ``threads``, side by
            side on the CPU; ``streams``, side by side on one GPU; ``auto`` measures and takes the
            fastest. All but ``loop`` differ from it in the last bits.
        threads: CPU threads of PyTorch; null leaves PyTorch's choice.
    """

    accelerator: str = "auto"
    devices: int | str = "auto"
    strategy: str = "auto"
    num_nodes: int = 1
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] = "32-true"
    channels_last: bool = False
    compile: bool = False
    execution: Literal["loop", "threads", "streams", "auto"] = "loop"
    threads: int | None = None


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One training run.

    Args:
        network: Name of the large network: of ``cotrain.networks.list_networks()``, or of another
            library, such as ``timm:convnext_tiny``, ``torchvision:resnet50`` or ``hf:vit``.
        network_options: Further arguments of the network, such as ``{"drop_path_rate": 0.1}``.
        into: S, the number of networks it is divided into; 1 trains the large network itself.
        epochs: Passes over the training images.
        batch_size: Images of one training step on one device.
        inherit: A run folder, or an ensemble of S=1: the trained large network whose weights the S
            networks start from; null starts with fresh weights.
        seed: Seed of initialisation, order, views and dropout.
        dividing: How a network of another library is divided.
        data: Which images.
        views: How an image becomes a view.
        optimizer: Optimizer and weight decay.
        schedule: Learning rate over time.
        co_training: The co-training loss and its ablations.
        hardware: Devices, precision and memory format.
        ema: Decay of an exponential moving average of weights and BatchNorm buffers, which is
            then what is validated and shipped; null is off.
        early_stopping: Stop after this many epochs without a better validation; null is off.
        checkpoint_steps: Save a checkpoint every so many steps, besides every epoch's end.
        on_nan: What to do when the loss is not finite: stop, or skip that step.
    """

    network: str = "basic_resnet"
    network_options: dict[str, Any] = field(default_factory=dict)
    into: int = 4
    epochs: int = 60
    batch_size: int = 64
    inherit: str | None = None
    seed: int = 0
    dividing: DivideOptions = field(default_factory=DivideOptions)
    data: Data = Data()
    views: Views = Views()
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    co_training: CoTrainingOptions = CoTrainingOptions()
    hardware: Hardware = Hardware()
    ema: float | None = None
    early_stopping: int | None = None
    checkpoint_steps: int = 500
    on_nan: Literal["error", "skip"] = "error"

    def __post_init__(self) -> None:
        """Raise ConfigError for a number that no experiment can have (NaN, negative, above 1)."""
        check_numbers(flat_settings(self))


def flat_settings(record: Any, prefix: str = "") -> dict[str, Any]:
    """The settings of an experiment, or of a part of one, by dotted name (``optimizer.lr``)."""
    settings: dict[str, Any] = {}
    for each in fields(record):
        value, name = getattr(record, each.name), prefix + each.name
        settings |= flat_settings(value, name + ".") if is_dataclass(value) else {name: value}
    return settings
