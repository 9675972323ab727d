"""How the answers of S networks become one: mean or maximum, of logits or of probabilities.

Each way is written as scores [..., C] whose softmax is the combined answer, so that its logarithm
stays finite where a probability underflows.
"""

from collections.abc import Callable
from typing import Literal

from torch import Tensor

from cotrain.basics.errors import ConfigError

Combine = Literal["mean_logits", "mean_probabilities", "max_logits", "max_probabilities"]

_SCORES: dict[str, Callable[[Tensor], Tensor]] = {
    "mean_logits": lambda logits: logits.mean(0),
    "mean_probabilities": lambda logits: logits.log_softmax(-1).logsumexp(0),
    "max_logits": lambda logits: logits.amax(0),
    "max_probabilities": lambda logits: logits.log_softmax(-1).amax(0),
}


def combine_logits(logits: Tensor, combine: Combine = "mean_logits") -> Tensor:
    """Probabilities [B, C] from the logits [S, B, C] of S networks.

    The mean of logits ranks as the geometric mean of probabilities. The largest probability of
    each class over the networks is divided by their sum, so that a row sums to 1.

    Raises:
        ConfigError: An unknown way.
    """
    return _scores(logits, combine).softmax(-1)


def log_probabilities(logits: Tensor, combine: Combine = "mean_logits") -> Tensor:
    """Logarithms [B, C] of what :func:`combine_logits` gives, in float64; always finite."""
    return _scores(logits.double(), combine).log_softmax(-1)


def _scores(logits: Tensor, combine: Combine) -> Tensor:
    if combine not in _SCORES:
        raise ConfigError(f"combine={combine!r} is not known: use one of {list(_SCORES)}")
    return _SCORES[combine](logits)
