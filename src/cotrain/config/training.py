"""How the networks are trained, and on what."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from cotrain.basics.errors import ConfigError
from cotrain.config.limits import ABOVE_0, SHARE, Bound, at_least, between, bounded


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """One optimizer over all networks.

    Args:
        name: A timm optimizer name: ``sgd`` (Nesterov), ``momentum`` (without), ``adamw``,
            ``rmsproptf`` and so on. ``auto`` is ``adamw`` for a network of another library, else
            ``sgd``.
        lr: Peak learning rate; null is 0.1 for ``sgd`` and ``momentum``, else 0.001.
        momentum: Momentum, for the optimizers that have one.
        weight_decay: Weight decay of the large network; null is 0.0005 for ``sgd`` and
            ``momentum``, else 0.05.
        divide_weight_decay: Use ``weight_decay * exp(1/S - 1)`` (arXiv:2011.14660, Eq. 6).
        decayed: ``weights`` decays the weights of layers, but no biases, norms, embeddings, tokens
            and whatever the network itself spares (timm's ``no_weight_decay``); ``paper`` decays
            every parameter whose name has neither "norm" nor "bias"; ``all`` decays everything.
        clip: Largest norm of the gradient over all networks; null does not clip.
        accumulate: Batches over whose gradients a step takes the mean; the last step of an epoch
            has those that are left.
        options: Further arguments of the optimizer, such as ``{"betas": [0.9, 0.95]}``.
    """

    name: str = "sgd"
    lr: float | None = bounded(0.1, at_least(0))
    momentum: float = bounded(0.9, at_least(0))
    weight_decay: float | None = bounded(5e-4, at_least(0))
    divide_weight_decay: bool = False
    decayed: Literal["weights", "paper", "all"] = "weights"
    clip: float | None = bounded(None, at_least(0))
    accumulate: int = bounded(1, at_least(1))
    options: dict[str, Any] = field(default_factory=dict[str, Any])

    def resolved(self, network: str) -> "Optimizer":
        """The same with ``auto`` and null replaced by what suits the network and the optimizer."""
        usual = "adamw" if ":" in network else "sgd"
        name = usual if self.name == "auto" else self.name
        lr, decay = (0.1, 5e-4) if name in ("sgd", "momentum") else (1e-3, 0.05)
        return replace(
            self,
            name=name,
            lr=lr if self.lr is None else self.lr,
            weight_decay=decay if self.weight_decay is None else self.weight_decay,
        )


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The learning rate over the epochs: a linear warm-up, then a curve.

    Args:
        name: The curve after the warm-up.
        warmup_epochs: Length of the warm-up; fractions are allowed. A run that is no longer than
            that warms up for a tenth of its epochs, and says so. -1 is the paper's way to have
            none: the curve then starts one epoch in.
        warmup_lr: Learning rate of the first step of the warm-up.
        end_lr: Learning rate is never below this.
        milestones: Epochs at which ``step`` multiplies by ``decay_factor``.
        decay_factor: Factor of ``step`` (such as 0.1) and ``exponential`` (such as 0.97).
        decay_epochs: ``exponential`` multiplies once in this many epochs.
    """

    name: Literal["cosine", "step", "poly", "htd", "exponential", "constant"] = "cosine"
    warmup_epochs: float = bounded(0.0, at_least(-1))
    warmup_lr: float = bounded(0.0, at_least(0))
    end_lr: float = bounded(0.0, at_least(0))
    milestones: tuple[int, ...] = ()
    decay_factor: float = 0.1
    decay_epochs: float = bounded(1.0, ABOVE_0)


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
        member: Train this one of the S networks alone, counted from 0, beside processes that train
            the others below the same ``--output``. None waits for another: each learns from what
            the others last said of its images, and ``optimizer.clip`` bounds the gradient of its
            own network. null trains all S in one run.
        exchange_steps: Optimizer steps after which a member shows what it says, and looks at what
            others have shown.
        exchange_classes: How many classes of a prediction, the most probable, a member shows; null
            is all of up to 100, and else 16. The other classes share what is left evenly.
    """

    divergence: Literal["js", "kl"] = "js"
    weight: float = bounded(0.5, at_least(0))
    ramp_epochs: float | None = bounded(None, at_least(0))
    label_smoothing: float = bounded(0.0, SHARE)
    initialization: Literal["fresh", "identical"] = "fresh"
    together: bool = True
    member: int | None = bounded(None, at_least(0))
    exchange_steps: int = bounded(100, at_least(1))
    exchange_classes: int | None = bounded(None, at_least(1))


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """A trained ensemble whose answers the networks learn beside the labels; it stays as it is.

    It answers the view that each network sees, mixed and erased as that is (function matching,
    arXiv:2106.05237), by its networks' combined answer as it is before any calibration. With p for
    the softmax of an answer's logits divided by the temperature T, a network's loss is
    ``(1 - weight) * cross_entropy + weight * T^2 * KL(p_teacher || p_network)``
    (arXiv:1503.02531); the co-training loss comes on top.

    Args:
        run: A run folder, or an ensemble's folder (``--teacher`` is the same); null is none.
        weight: Share of the teacher, above 0; the labels have the rest.
        temperature: By which logits are divided: the higher, the more the teacher's small
            probabilities count.
    """

    run: str | None = None
    weight: float = bounded(
        0.5,
        Bound(
            holds=lambda value: 0 < value <= 1,
            otherwise="is no share of a teacher: give more than 0 and at most 1, or leave out "
            "teacher.run",
        ),
    )
    temperature: float = bounded(2.0, between(0.01, 100))

    def check_heeded(self) -> None:
        """Raise ConfigError for settings of a teacher that is not there."""
        for name in ("weight", "temperature") if self.run is None else ():
            value, usual = getattr(self, name), getattr(Teacher(), name)
            if value != usual:
                raise ConfigError(
                    f"teacher.{name}={value} would be ignored, as there is no teacher: give "
                    "--teacher RUN, or leave it out"
                )


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What makes up for classes that have fewer training images than others; one of both.

    Args:
        classes: ``balanced`` multiplies the cross-entropy of an image of a class of n images by
            N / (C * n), for N images of C classes. Of a mixed image it is the mean of the weights
            of its classes, by their shares; smoothed labels change nothing in it.
        sampler: ``shuffled`` takes every image once an epoch; ``balanced`` takes as many images of
            every class, N in all, those of a small class several times.
    """

    classes: Literal["none", "balanced"] = "none"
    sampler: Literal["shuffled", "balanced"] = "shuffled"


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """What it runs on; the first four are the Lightning Trainer's arguments of the same names.

    Args:
        accelerator: ``auto``, ``cpu`` or ``gpu``.
        devices: How many devices; ``auto`` is all GPUs, or one CPU process.
        strategy: ``auto``, ``ddp`` and so on.
        num_nodes: Machines.
        network_parallel: Over how many processes, or groups of them, the S networks are spread;
            each trains its own, and they exchange predictions alone. 1 trains all in every process.
        sync_batch_norm: BatchNorm normalises by the statistics of the batches of all processes, and
            not by those of its own; on GPUs alone. It pays where ``batch_size`` is small.
        timeout: Seconds after which processes that train together give up one that does not
            answer. It must exceed what one can need longer than the others: to read its images, to
            compile, or to write a checkpoint.
        precision: ``32-true``, ``16-mixed`` or ``bf16-mixed``; 16-mixed waits for the GPU in every
            step, to look for overflows, where gradients are clipped or the optimizer has no kernel
            that looks itself (SGD, Adam and AdamW have). ``64-true`` is for comparing: it is slow,
            and what differs by rounding alone is the same to 12 digits.
        channels_last: Keep images and weights in NHWC memory order.
        compile: Compile every network with ``torch.compile``.
        execution: How the S networks are run: ``loop``, one after the other; ``threads``, side by
            side on the CPU; ``streams``, side by side on one GPU; ``cuda_graphs``, the same by two
            launches a network and step, for networks that draw no random numbers; ``auto`` measures
            what one device can do of these and takes the fastest, and is ``loop`` on several or for
            networks that are trained apart. All but ``loop`` differ from it in the last bits.
        threads: CPU threads of PyTorch; null leaves PyTorch's choice.
    """

    accelerator: str = "auto"
    devices: int | str = "auto"
    strategy: str = "auto"
    num_nodes: int = bounded(1, at_least(1))
    network_parallel: int = bounded(1, at_least(1))
    sync_batch_norm: bool = False
    timeout: float = bounded(600.0, ABOVE_0)
    precision: Literal["32-true", "16-mixed", "bf16-mixed", "64-true"] = "32-true"
    channels_last: bool = False
    compile: bool = False
    execution: Literal["loop", "threads", "streams", "cuda_graphs", "auto"] = "loop"
    threads: int | None = bounded(None, between(1, 1024))
