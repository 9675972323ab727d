"""All that tells how far an ensemble's answers to test images can be trusted, in one record."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from cotrain.basics.shapes import Float, Int
from cotrain.config.combining import Combine
from cotrain.ensemble.calibration import Abstention, Calibration, PredictionSets
from cotrain.ensemble.combining import log_probabilities
from cotrain.evaluation.scores import check_answers
from cotrain.evaluation.uncertainty.conformal import sets_of
from cotrain.evaluation.uncertainty.reliability import (
    Bin,
    Reliability,
    reliability_bins,
    reliability_of,
)
from cotrain.evaluation.uncertainty.selection import (
    RiskCoverage,
    accepted_of_others,
    auroc,
    risk_coverage,
)
from cotrain.evaluation.uncertainty.signals import SIGNALS, doubts_of

_POINTS = 200  # of a curve that is kept


@dataclass(frozen=True, kw_only=True)
class SignalScores:
    """What one signal is worth.

    Args:
        wrong: AUROC of telling wrong answers from right ones; None where all are one of these.
        aurc: Mean risk among the surest images, over all their numbers.
        augrc: Area under the share that is accepted and wrong, over coverage.
        coverage_at_5: Share of the images that can be answered with 5 % of them wrong.
        other: AUROC of telling other images from these; None without others.
        other_accepted: Share of the others that is accepted where 95 % of these are (FPR95).
    """

    wrong: float | None
    aurc: float
    augrc: float
    coverage_at_5: float
    other: float | None = None
    other_accepted: float | None = None


@dataclass(frozen=True, kw_only=True)
class SetScores:
    """What the stored sets of classes hold on these images.

    Args:
        rule: What was stored.
        covered: Share of the sets that hold the right class.
        size: Classes in a set, mean over the images.
    """

    rule: PredictionSets
    covered: float
    size: float


@dataclass(frozen=True, kw_only=True)
class AbstentionScores:
    """What answering only where sure means on these images.

    Args:
        rule: What was stored.
        coverage: Share of the images with an answer.
        risk: Share of these answers that is wrong; None where there is none.
    """

    rule: Abstention
    coverage: float
    risk: float | None


@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """How far an ensemble's answers to test images can be trusted.

    Args:
        images: N.
        errors: How many of them are answered wrong.
        reliability: Of the answers as they are given.
        uncalibrated: Of the answers before calibration; None where they are the same.
        bins: The answers in bins of their probability, as they are given (``the answers``), and
            before calibration (``not calibrated``) where that was another.
        signals: What each signal is worth, by name.
        curve: Coverage and risk by the maximum probability, at most 200 points.
        sets: Of the stored sets of classes; None without.
        abstention: Of the stored abstention; None without.
    """

    images: int
    errors: int
    reliability: Reliability
    uncalibrated: Reliability | None
    bins: Mapping[str, Sequence[Bin]]
    signals: Mapping[str, SignalScores]
    curve: Sequence[tuple[float, float]]
    sets: SetScores | None
    abstention: AbstentionScores | None

    @property
    def best_signal(self) -> str | None:
        """The one that tells wrong answers best; None where no answer is wrong, or all are."""
        known = {name: each.wrong for name, each in self.signals.items() if each.wrong is not None}
        return max(known, key=lambda name: known[name], default=None)

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON-able values."""
        return {**asdict(self), "best_signal": self.best_signal}


def uncertainty_of(
    logits: Float[Tensor, "S N C"],
    targets: Int[Tensor, " N"],
    combine: Combine = "mean_logits",
    calibration: Calibration | None = None,
    others: Float[Tensor, "S M C"] | None = None,
) -> Uncertainty:
    """How far these answers can be trusted.

    Args:
        logits: Of test images.
        targets: Their classes.
        combine: How the S answers become one.
        calibration: What the answers are calibrated by.
        others: Logits of images that are of no class.

    Raises:
        ConfigError: Logits and targets do not fit, or are not finite.
    """
    check_answers(logits, targets)
    log_p = log_probabilities(logits, combine, calibration)
    wrong = log_p.argmax(-1) != targets
    doubts = doubts_of(logits, combine, calibration)
    strange = None if others is None else doubts_of(others, combine, calibration)
    changed = calibration is not None and calibration.method != "none"
    before = log_probabilities(logits, combine) if changed else None
    return Uncertainty(
        images=len(targets),
        errors=int(wrong.sum()),
        reliability=reliability_of(log_p, targets),
        uncalibrated=None if before is None else reliability_of(before, targets),
        bins={
            name: reliability_bins(each, targets)
            for name, each in (("the answers", log_p), ("not calibrated", before))
            if each is not None
        },
        signals={
            name: _signal(doubts[name], wrong, None if strange is None else strange[name])
            for name in SIGNALS
        },
        curve=curve_points(risk_coverage(doubts["maximum probability"], wrong)),
        sets=_sets(log_p.exp(), targets, calibration),
        abstention=_abstention(log_p.exp(), wrong, calibration),
    )


def _signal(doubt: Tensor, wrong: Tensor, other: Tensor | None) -> SignalScores:
    curve, told = risk_coverage(doubt, wrong), None
    if other is not None:
        is_other = torch.arange(len(doubt) + len(other)) >= len(doubt)
        told = auroc(torch.cat([doubt, other]), is_other)
    return SignalScores(
        wrong=auroc(doubt, wrong),
        aurc=curve.aurc(),
        augrc=curve.augrc(),
        coverage_at_5=curve.coverage_at(0.05),
        other=told,
        other_accepted=None if other is None else accepted_of_others(doubt, other),
    )


def curve_points(curve: RiskCoverage) -> list[tuple[float, float]]:
    """Coverage and risk at 200 places of a curve at most."""
    places = torch.linspace(0, len(curve.doubt) - 1, _POINTS).round().long().unique()
    return list(zip(curve.coverage[places].tolist(), curve.risk[places].tolist(), strict=True))


def _sets(p: Tensor, targets: Tensor, calibration: Calibration | None) -> SetScores | None:
    if calibration is None or calibration.sets is None:
        return None
    inside = sets_of(p, calibration.sets)
    return SetScores(
        rule=calibration.sets,
        covered=inside.gather(1, targets[:, None]).double().mean().item(),
        size=inside.sum(-1).double().mean().item(),
    )


def _abstention(
    p: Tensor, wrong: Tensor, calibration: Calibration | None
) -> AbstentionScores | None:
    if calibration is None or calibration.abstention is None:
        return None
    sure = p.amax(-1) >= calibration.abstention.least
    return AbstentionScores(
        rule=calibration.abstention,
        coverage=sure.double().mean().item(),
        risk=wrong[sure].double().mean().item() if sure.any() else None,
    )
