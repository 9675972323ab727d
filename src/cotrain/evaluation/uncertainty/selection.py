"""Answering only where one is sure: what is wrong among the surest, and where to stop.

A doubt [N] is any number that is larger for an image of which the ensemble is less sure. Images of
equal doubt are accepted together.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from scipy.stats import rankdata
from torch import Tensor

from cotrain.basics.shapes import Float, Int, Shaped
from cotrain.config.calibration import Signal
from cotrain.ensemble.calibration import Abstention, BestSignal

NEVER = 2.0  # a probability that no answer has


@dataclass(frozen=True, kw_only=True, eq=False)
class RiskCoverage:
    """The surest images, at every doubt from which one could abstain.

    Args:
        doubt: The largest that is accepted, ascending.
        accepted: How many images that are.
        wrong: How many of them are answered wrong.
    """

    doubt: Float[Tensor, " K"]
    accepted: Float[Tensor, " K"]
    wrong: Float[Tensor, " K"]

    @property
    def coverage(self) -> Float[Tensor, " K"]:
        """Share of the images that are accepted."""
        return self.accepted / self.accepted[-1]

    @property
    def risk(self) -> Float[Tensor, " K"]:
        """Share of the accepted images that are answered wrong."""
        return self.wrong / self.accepted

    def aurc(self) -> float:
        """Mean of the risk among the k surest images, k from 1 to N (arXiv:1805.08206).

        Of images of equal doubt, the mean over all orders.
        """
        before = torch.cat([torch.zeros(1, dtype=torch.float64), self.wrong])
        counts = self.accepted.diff(prepend=before[:1])
        shares = (before.diff() / counts).repeat_interleave(counts.long())
        return (shares.cumsum(0) / torch.arange(1, len(shares) + 1)).mean().item()

    def augrc(self) -> float:
        """Area under the share that is accepted and wrong, over coverage (arXiv:2407.01032)."""
        nothing = torch.zeros(1, dtype=torch.float64)
        coverage = torch.cat([nothing, self.coverage])
        joint = torch.cat([nothing, self.wrong / self.accepted[-1]])
        return torch.trapezoid(joint, coverage).item()

    def coverage_at(self, risk: float) -> float:
        """The largest coverage with no more than this risk on these images; 0 if there is none."""
        return max(self.coverage[self.risk <= risk].tolist(), default=0.0)

    def abstain_above(self, risk: float) -> float | None:
        """The largest doubt to answer at, for no more than this risk; None if there is none.

        One error more than was seen is counted on one image more, which is what a set of this size
        cannot exclude: with no error it takes ``1 / risk - 1`` images to promise anything.
        """
        sure = (self.wrong + 1) / (self.accepted + 1) <= risk
        return max(self.doubt[sure].tolist(), default=None)


def risk_coverage(doubt: Float[Tensor, " N"], wrong: Shaped[Tensor, " N"]) -> RiskCoverage:
    """The curve of answers that are wrong or not, by their doubt."""
    values, places, counts = doubt.double().unique(return_inverse=True, return_counts=True)
    errors = torch.zeros_like(values).index_add(0, places, wrong.double())
    return RiskCoverage(doubt=values, accepted=counts.double().cumsum(0), wrong=errors.cumsum(0))


def fit_abstention(p: Float[Tensor, "N C"], targets: Int[Tensor, " N"], risk: float) -> Abstention:
    """The smallest probability of an answer that counts, for no more than this risk.

    Args:
        p: Probabilities of images that were not trained on.
        targets: Their classes.
        risk: Share of the answers that count which may be wrong.
    """
    confidence, label = p.max(-1)
    doubt = risk_coverage(-confidence, label != targets).abstain_above(risk)
    least = NEVER if doubt is None else -doubt
    return Abstention(risk=risk, least=least, coverage=(confidence >= least).double().mean().item())


def auroc(doubt: Float[Tensor, " N"], positive: Shaped[Tensor, " N"]) -> float | None:
    """How often a positive image has more doubt than another one; equal doubt counts half.

    None where all images are positive, or none is.
    """
    if positive.all() or not positive.any():
        return None
    return _placements(doubt, positive)[0].mean().item()


def _placements(doubt: Tensor, positive: Tensor) -> tuple[Tensor, Tensor]:
    """For each positive image the share of the others with less doubt, and for each of these the
    share of the positive ones with more; equal doubt counts half. Both have the same mean.
    """
    ranks = torch.from_numpy(rankdata(doubt.numpy()))
    beyond = [
        ranks[part] - torch.from_numpy(rankdata(doubt[part].numpy()))
        for part in (positive, ~positive)
    ]
    return beyond[0] / len(beyond[1]), 1 - beyond[1] / len(beyond[0])


def _squared_error(values: Tensor) -> float:
    """Of their mean; of a single one that is not known."""
    return values.var().item() / len(values) if len(values) > 1 else math.inf


def fit_signal(
    doubts: Mapping[Signal, Float[Tensor, " N"]], wrong: Shaped[Tensor, " N"]
) -> BestSignal | None:
    """The signal that tells wrong answers best; None where all are wrong, or none is.

    A signal replaces one before it if its AUROC is larger by more than two standard errors of the
    difference (DeLong et al., Biometrics 44, 1988): the best for a few errors is chance.

    Args:
        doubts: Of images that were not trained on, by signal.
        wrong: Whether each is answered wrong.
    """
    if wrong.all() or not wrong.any():
        return None
    placed: dict[Signal, tuple[Tensor, Tensor]] = {
        name: _placements(doubt, wrong) for name, doubt in doubts.items()
    }
    best = next(iter(placed))
    for name, places in placed.items():
        gains = [new - old for new, old in zip(places, placed[best], strict=True)]
        error = sum(map(_squared_error, gains)) ** 0.5
        if gains[0].mean() > 2 * error:
            best = name
    return BestSignal(name=best, auroc=placed[best][0].mean().item(), errors=int(wrong.sum()))


def accepted_of_others(own: Float[Tensor, " N"], other: Float[Tensor, " M"]) -> float:
    """Share of the other images that are accepted where 95 % of the own ones are (FPR95)."""
    limit = own.sort().values[-(-95 * len(own) // 100) - 1]
    return (other <= limit).double().mean().item()
