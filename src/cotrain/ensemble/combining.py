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

_SCORES: dict[str, Callable[[Tensor], Tensor]] = {
    "mean_logits": lambda logits: logits.mean(0),
    "mean_probabilities": lambda logits: logits.log_softmax(-1).logsumexp(0),
    "max_logits": lambda logits: logits.amax(0),
    "max_probabilities": lambda logits: logits.log_softmax(-1).amax(0),
}


def combine_logits(
    logits: Float[Tensor, "S B C"], combine: Combine = "mean_logits"
) -> Float[Tensor, "B C"]:
    """Probabilities [B, C] from the logits [S, B, C] of S networks.

    The mean of logits ranks as the geometric mean of probabilities. The largest probability of
    each class over the networks is divided by their sum, so that a row sums to 1.

    Raises:
        ConfigError: An unknown way.
    """
    return _scores(logits, combine).softmax(-1)


def log_probabilities(
    logits: Float[Tensor, "S B C"], combine: Combine = "mean_logits"
) -> Float[Tensor, "B C"]:
    """Logarithms [B, C] of what ``combine_logits`` gives, in float64; always finite."""
    return _scores(logits.double(), combine).log_softmax(-1)


def _scores(logits: Float[Tensor, "S B C"], combine: Combine) -> Float[Tensor, "B C"]:
    if combine not in _SCORES:
        raise ConfigError(f"combine={combine!r} is not known: use one of {list(_SCORES)}")
    return _SCORES[combine](logits)


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


def outputs_of(logits: Float[Tensor, "S B C"], combine: Combine) -> dict[str, Tensor]:
    """The outputs of an ensemble's file, in the order of ``OUTPUTS``.

    Returns:
        ``probabilities`` [B, C]; ``disagreement`` [B], the share of the networks that name another
        class than the ensemble; ``mutual_information`` [B] of the class and the network, in nats;
        and ``logits`` [S, B, C] themselves.
    """
    probabilities = combine_logits(logits, combine)
    differing = logits.argmax(-1) != probabilities.argmax(-1)
    return {
        "probabilities": probabilities,
        "disagreement": differing.to(logits.dtype).mean(0),
        "mutual_information": mutual_information(logits, logits.dtype),
        "logits": logits,
    }
