"""How the answers of S networks become one: mean or maximum, of logits or of probabilities.

Each way is written as scores [..., C] whose softmax is the combined answer, so that its logarithm
stays finite where a probability underflows.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Float
from cotrain.config.combining import Combine
from cotrain.ensemble.calibration import Calibration, other_combine

_SCORES: dict[str, Callable[[Tensor], Tensor]] = {
    "mean_logits": lambda logits: logits.mean(0),
    "mean_probabilities": lambda logits: logits.log_softmax(-1).logsumexp(0),
    "max_logits": lambda logits: logits.amax(0),
    "max_probabilities": lambda logits: logits.log_softmax(-1).amax(0),
}
# The same with weights [S, 1, 1]; a maximum has none.
_WEIGHTED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean_logits": lambda logits, weights: (weights * logits).sum(0),
    "mean_probabilities": lambda logits, weights: (
        logits.log_softmax(-1) + weights.log()
    ).logsumexp(0),
}


def combine_logits(
    logits: Float[Tensor, "S B C"],
    combine: Combine = "mean_logits",
    calibration: Calibration | None = None,
) -> Float[Tensor, "B C"]:
    """Probabilities [B, C] from the logits [S, B, C] of S networks.

    The mean of logits ranks as the geometric mean of probabilities. The largest probability of
    each class over the networks is divided by their sum, so that a row sums to 1.

    Args:
        logits: Of S networks.
        combine: The way.
        calibration: What was fitted for this way; None leaves the answers as they are.

    Raises:
        ConfigError: An unknown way, or another than that of the calibration.
    """
    return _calibrated(logits, combine, calibration).softmax(-1)


def log_probabilities(
    logits: Float[Tensor, "S B C"],
    combine: Combine = "mean_logits",
    calibration: Calibration | None = None,
) -> Float[Tensor, "B C"]:
    """Logarithms [B, C] of what ``combine_logits`` gives, in float64; always finite."""
    return _calibrated(logits.double(), combine, calibration).log_softmax(-1)


def _calibrated(
    logits: Float[Tensor, "S B C"], combine: Combine, calibration: Calibration | None
) -> Float[Tensor, "B C"]:
    if calibration is not None and combine != calibration.combine:
        raise other_combine(combine, calibration.combine)
    if calibration is None or calibration.method == "none":
        return combined_scores(logits, combine)
    temperatures, weights = (
        torch.tensor(each, dtype=logits.dtype, device=logits.device) if each else None
        for each in (calibration.temperatures, calibration.weights)
    )
    scores = combined_scores(logits, combine, temperatures=temperatures, weights=weights)
    return scores / calibration.temperature


def combined_scores(
    logits: Float[Tensor, "S B C"],
    combine: Combine,
    *,
    temperatures: Float[Tensor, " S"] | None = None,
    weights: Float[Tensor, " S"] | None = None,
) -> Float[Tensor, "B C"]:
    """Scores [B, C] whose softmax is the combined answer.

    Args:
        logits: Of S networks.
        combine: The way.
        temperatures: By which each network's logits are divided first.
        weights: Of each network, summing to 1; of a mean only.

    Raises:
        ConfigError: An unknown way, or weights of a maximum.
    """
    known = _SCORES if weights is None else _WEIGHTED
    if combine not in known:
        raise ConfigError(f"combine={combine!r} is not known: use one of {list(known)}")
    if temperatures is not None:
        logits = logits / temperatures[:, None, None]
    if weights is None:
        return _SCORES[combine](logits)
    return _WEIGHTED[combine](logits, weights[:, None, None])


def mutual_information(
    logits: Float[Tensor, "S B C"], dtype: torch.dtype = torch.float64
) -> Float[Tensor, " B"]:
    """Mutual information [B] of the class and the network: ``H(mean_i p_i) - mean_i H(p_i)``.

    In nats, from 0 (equal answers) to log S. It is the Jensen-Shannon divergence of each image.

    Source: arXiv:1703.02910, Eq. 2 (there of BALD).

    Args:
        logits: Of S networks.
        dtype: What to compute in; float32 is off by about 1e-7.
    """
    return divergence_to_mean(logits.to(dtype)).mean(0).clamp(min=0)


def divergence_to_mean(logits: Float[Tensor, "S B C"]) -> Float[Tensor, "S B"]:
    """KL(p_i || mean_j p_j) [S, B] of each network's prediction, in nats.

    Its mean over the networks is the Jensen-Shannon divergence H(mean_i p_i) - mean_i H(p_i),
    and stays finite where a probability underflows.
    """
    log_p = logits.log_softmax(-1)
    log_mean = log_p.logsumexp(0) - math.log(len(log_p))
    return (log_p.exp() * (log_p - log_mean)).sum(-1)


OUTPUTS = ("probabilities", "disagreement", "mutual_information", "logits")


def outputs_of(
    logits: Float[Tensor, "S B C"], combine: Combine, calibration: Calibration | None = None
) -> dict[str, Tensor]:
    """The outputs of an ensemble's file, in the order of ``OUTPUTS``.

    Mutual information and logits are those of the networks, whatever the calibration.

    Returns:
        ``probabilities`` [B, C]; ``disagreement`` [B], the share of the networks that name another
        class than the ensemble; ``mutual_information`` [B] of the class and the network, in nats;
        and ``logits`` [S, B, C] themselves.
    """
    probabilities = combine_logits(logits, combine, calibration)
    differing = logits.argmax(-1) != probabilities.argmax(-1)
    return {
        "probabilities": probabilities,
        "disagreement": differing.to(logits.dtype).mean(0),
        "mutual_information": mutual_information(logits, logits.dtype),
        "logits": logits,
    }
