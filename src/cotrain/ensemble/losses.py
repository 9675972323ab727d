"""The co-training loss: every network's cross-entropy, and what pulls their predictions together.

Shapes: S networks, B batch, C classes.
"""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Float, Int
from cotrain.ensemble.combining import divergence_to_mean
from cotrain.ensemble.others import Others
from cotrain.ensemble.soft_targets import SoftTargets, full

# The paper's recipes never train with a smaller weight than this: epoch 0 would have none.
_SMALLEST_WEIGHT = 0.005


@dataclass(frozen=True, kw_only=True)
class CoTrainingLossTerms:
    """The scalars of one batch: ``total = cross_entropy + weight * divergence``.

    With a teacher of weight w, ``(1 - w) * cross_entropy + w * teacher`` is in the place of the
    cross-entropy.

    Args:
        total: What is differentiated.
        cross_entropy: Sum over the networks of the mean cross-entropy over the batch, in nats.
        divergence: Mean over the batch, in nats, before it is weighted.
        teacher: Sum over the networks of the mean divergence from the teacher, in nats, before it
            is weighted; None without a teacher.
    """

    total: Float[Tensor, ""]
    cross_entropy: Float[Tensor, ""]
    divergence: Float[Tensor, ""]
    teacher: Float[Tensor, ""] | None = None


@dataclass(frozen=True)
class CoTrainingLoss:
    """The loss of S networks that learn from the same labels and from each other.

    The cross-entropy is a sum over the networks, so the gradient of each is as large as if it
    were trained alone. With S=1 it is the plain cross-entropy, to the bit.

    Source: arXiv:2011.14660.

    Args:
        divergence: Jensen-Shannon (``js``) or mean pairwise Kullback-Leibler (``kl``).
        label_smoothing: Share of every target that is spread evenly over the classes, in [0, 1).
        class_weights: C numbers above 0, by which the cross-entropy of an image is multiplied, of
            its class, or of its classes by their shares (mixup). Smoothing comes inside: the
            weight is that of the label. The mean over the batch is divided by B, not by the sum
            of the weights, so that an image counts alike in every batch. The divergence has none.
    """

    divergence: Literal["js", "kl"] = "js"
    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] | None = None
    _looked_at: set[str] = field(default_factory=set, init=False, repr=False, compare=False)
    _weights: dict[torch.device, Tensor] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if self.divergence not in _DIVERGENCES:
            raise ConfigError(
                f"divergence={self.divergence!r} is unknown: give one of {', '.join(_DIVERGENCES)}"
            )
        if not 0 <= self.label_smoothing < 1:
            raise ConfigError(
                f"label_smoothing={self.label_smoothing} is not in [0, 1): give a share below 1"
            )

        if not all(0 < weight < math.inf for weight in self.class_weights or ()):
            raise ConfigError(f"class_weights={self.class_weights}: give finite numbers above 0")

    def __call__(
        self,
        logits: Float[Tensor, "S B C"],
        targets: Int[Tensor, " B"] | Float[Tensor, "B C"],
        *,
        weight: float = 1.0,
        taught: SoftTargets | None = None,
        others: Others | None = None,
    ) -> CoTrainingLossTerms:
        """The terms of one batch.

        Args:
            logits: Half precision is computed in float32.
            targets: Class indices, or the classes' shares (mixup).
            weight: Weight of the divergence; with 0 it is reported but not differentiated.
            taught: What a teacher answers to the views; None if there is none.
            others: What networks trained elsewhere say of the images: only the divergence has them.

        Raises:
            ConfigError: The shapes do not fit each other, or targets ``[B, C]`` are no shares: one
                is below 0, or a row does not sum to 1 (several classes an image). On a device
                where looking would wait, the first batch alone is looked at.
        """
        _check_shapes(logits, targets)
        if targets.ndim == 2 and not torch.compiler.is_compiling():
            self._look_at(targets)
        cross_entropy = self._cross_entropy(full(logits), targets)
        divergence = self._divergence(logits if weight else logits.detach(), others)
        teacher, learnt = None, cross_entropy
        if taught is not None:
            teacher = taught.divergence(logits)
            learnt = torch.lerp(cross_entropy, teacher, taught.weight)
        return CoTrainingLossTerms(
            total=learnt + weight * divergence,
            cross_entropy=cross_entropy,
            divergence=divergence,
            teacher=teacher,
        )

    def _divergence(self, logits: Tensor, others: Others | None) -> Tensor:
        of_batch = _DIVERGENCES[self.divergence]
        if others is None:
            return of_batch(logits)
        parts = [share * of_batch(each) for share, each in others.beside(logits)]
        return torch.stack(parts).sum()

    def _cross_entropy(self, logits: Tensor, targets: Tensor) -> Tensor:
        if self.class_weights is None:
            return _summed_cross_entropy(logits, targets, self.label_smoothing)
        if len(self.class_weights) != logits.shape[-1]:
            raise ConfigError(
                f"class_weights has {len(self.class_weights)} numbers, but logits has "
                f"{logits.shape[-1]} classes: give one for each"
            )
        if logits.device not in self._weights:  # sent once, as sending waits
            weights = torch.tensor(self.class_weights, device=logits.device)
            self._weights[logits.device] = weights
        weights = self._weights[logits.device].to(logits.dtype)
        of_images = targets.to(logits.dtype) @ weights if targets.ndim == 2 else weights[targets]
        return _summed_cross_entropy(logits, targets, self.label_smoothing, of_images)

    def _look_at(self, targets: Tensor) -> None:
        """Check shares where that waits for no device, else those of the first batch."""
        if targets.is_cpu or targets.device.type not in self._looked_at:
            self._looked_at.add(targets.device.type)
            _check_shares(targets)


def js_divergence(logits: Float[Tensor, "S B C"]) -> Float[Tensor, ""]:
    """Jensen-Shannon divergence ``H(mean_i p_i) - mean_i H(p_i)``, mean over the batch.

    In nats, from 0 (equal predictions) to log S. The gradient flows to all networks. Exactly 0 and
    without gradient for S=1.

    Source: arXiv:2011.14660.
    """
    return divergence_to_mean(full(logits)).mean() if len(logits) > 1 else _no_divergence(logits)


def kl_divergence(logits: Float[Tensor, "S B C"]) -> Float[Tensor, ""]:
    """Mean pairwise divergence ``1/(S-1) * sum_{i != j} KL(p_j || p_i)``, mean over the batch.

    In nats, from 0 (equal predictions). p_j is held constant: each network is pulled towards the
    others. Exactly 0 and without gradient for S=1.

    Source: arXiv:2011.14660.
    """
    into = len(logits)
    if into == 1:
        return _no_divergence(logits)
    log_p = F.log_softmax(full(logits), dim=-1)
    # sum_i KL(p_j || p_i) = S * sum_c p_j (log p_j - mean_i log p_i): the term i = j adds neither
    # value nor gradient, and no [S, S, B, C] tensor is needed.
    log_q = log_p.detach()
    per_network = (log_q.exp() * (log_q - log_p.mean(dim=0))).sum(dim=-1).mean(dim=-1)
    return per_network.sum() * (into / (into - 1))


_DIVERGENCES = {"js": js_divergence, "kl": kl_divergence}


def co_training_weight(epoch: float, *, weight: float = 0.5, ramp_epochs: float) -> float:
    """Weight of the divergence in ``epoch``, counted from 0: a linear rise, then constant.

    Source: the recipes of arXiv:2011.14660, which start at 0.005 and not at 0.

    Args:
        epoch: The current epoch.
        weight: Final weight; the result is never above it.
        ramp_epochs: Epochs of the rise; 0 starts at the final weight.
    """
    if epoch >= ramp_epochs:
        return weight
    return min(weight, max(weight * epoch / ramp_epochs, _SMALLEST_WEIGHT))


def _summed_cross_entropy(
    logits: Float[Tensor, "S B C"],
    targets: Int[Tensor, " B"] | Float[Tensor, "B C"],
    label_smoothing: float,
    of_images: Float[Tensor, " B"] | None = None,
) -> Float[Tensor, ""]:
    """Sum over the networks of the batch's mean cross-entropy: S times the mean over S and B.

    ``of_images`` are what the images count, if not all alike.
    """
    into = len(logits)
    targets = targets.to(logits.dtype if targets.ndim == 2 else torch.int64)
    repeated = targets.expand(into, *targets.shape).flatten(0, 1)
    options: dict[str, Any] = {"label_smoothing": label_smoothing}
    if of_images is None:
        return into * F.cross_entropy(logits.flatten(0, 1), repeated, **options)
    each = F.cross_entropy(logits.flatten(0, 1), repeated, **options, reduction="none")
    return into * (each * of_images.repeat(into)).mean()


def _no_divergence(logits: Tensor) -> Tensor:
    return full(logits.new_zeros(()))


def _check_shapes(logits: Tensor, targets: Tensor) -> None:
    if logits.ndim != 3:
        raise ConfigError(
            f"logits has shape {tuple(logits.shape)}, not [S, B, C]: stack the networks' logits"
        )
    hard = not targets.is_floating_point()
    wanted = logits.shape[1:2] if hard else logits.shape[1:]
    if targets.shape != wanted:
        raise ConfigError(
            f"targets has shape {tuple(targets.shape)}, which does not fit logits of shape "
            f"{tuple(logits.shape)}: give {'class indices' if hard else 'shares of the classes'} "
            f"of shape {tuple(wanted)}"
        )


def _check_shares(targets: Tensor) -> None:
    """Half precision moves the sum of a row by less than 0.01, a second class by 1."""
    lowest, sums = targets.min().item(), targets.detach().float().sum(-1)
    right = (sums - 1).abs() < 0.01
    if lowest >= 0 and right.all():
        return
    fault = f"{lowest:.4g}" if lowest < 0 else f"a row of sum {sums[right.int().argmin()]:.4g}"
    raise ConfigError(
        f"targets of shape {tuple(targets.shape)} hold {fault}, but shares of the classes are at "
        "least 0 and sum to 1: give one class an image, or shares; images of several classes are "
        "not supported"
    )
