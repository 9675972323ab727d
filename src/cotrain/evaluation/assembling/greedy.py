"""Networks picked one after the other, each as often as it helps, so that the counts are weights.

Source: Caruana et al., Ensemble Selection from Libraries of Models, ICML 2004 (with replacement).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Float, Int
from cotrain.config.combining import Combine
from cotrain.evaluation.scores import Scores, check_answers, scores_of

# Share of the negative log-likelihood that a pick must win: less is fitting weights to noise.
LEAST_GAIN = 1e-3
MOST_PICKS = 100


@dataclass(frozen=True, kw_only=True)
class Pick:
    """A network that was picked.

    Args:
        network: Its index.
        scores: Of all that are picked by then, each as often as it was.
    """

    network: int
    scores: Scores


@dataclass(frozen=True, kw_only=True)
class _Mean:
    """How answers are summed up, so that a network more is one addition.

    Args:
        term: What a network's logits add.
        add: The sum with one network more.
        log_p: Logarithms of the probabilities, from the sum over so many.
    """

    term: Callable[[Tensor], Tensor]
    add: Callable[[Tensor, Tensor], Tensor]
    log_p: Callable[[Tensor, int], Tensor]


_MEANS: dict[str, _Mean] = {
    "mean_logits": _Mean(
        term=lambda logits: logits,
        add=torch.add,
        log_p=lambda total, count: (total / count).log_softmax(-1),
    ),
    "mean_probabilities": _Mean(
        term=lambda logits: logits.log_softmax(-1),
        add=torch.logaddexp,
        log_p=lambda total, _: total.log_softmax(-1),
    ),
}


def pick_greedily(
    logits: Float[Tensor, "S N C"], targets: Int[Tensor, " N"], combine: Combine = "mean_logits"
) -> tuple[Pick, ...]:
    """The networks in the order in which they were picked, some of them several times.

    At each step the one with which the negative log-likelihood of the mean is smallest, until none
    makes it smaller by a thousandth.

    Args:
        logits: Of images that did not train.
        targets: Their classes.
        combine: How answers become one: a mean.

    Raises:
        ConfigError: A maximum, which has no weights, or logits that are not finite.
    """
    check_answers(logits, targets)
    if combine not in _MEANS:
        raise ConfigError(
            f"combine={combine!r} has no weights, which are what is picked: use one of "
            f"{list(_MEANS)}"
        )
    mean, picks = _MEANS[combine], list[Pick]()
    terms = [mean.term(each.double()) for each in logits]
    total = None
    while len(picks) < MOST_PICKS:
        sums = (each if total is None else mean.add(total, each) for each in terms)
        nlls = [_nll(mean.log_p(each, len(picks) + 1), targets) for each in sums]
        best = min(range(len(nlls)), key=nlls.__getitem__)
        if picks and nlls[best] > picks[-1].scores.nll * (1 - LEAST_GAIN):
            break
        total = terms[best] if total is None else mean.add(total, terms[best])
        found = scores_of(mean.log_p(total, len(picks) + 1), targets)
        picks.append(Pick(network=best, scores=found))
    return tuple(picks)


def _nll(log_p: Tensor, targets: Tensor) -> float:
    return -log_p.gather(1, targets[:, None]).mean().item()


def shares(picks: Sequence[Pick]) -> dict[int, float]:
    """The weights of the networks that were picked, which sum to 1, by rising index."""
    chosen = [pick.network for pick in picks]
    return {each: chosen.count(each) / len(chosen) for each in sorted(set(chosen))}
