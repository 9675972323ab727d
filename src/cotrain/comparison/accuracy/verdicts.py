"""What became of every candidate, beside the large network and without its co-training loss."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cotrain.comparison.accuracy.answers import Answers, CandidateAnswers
from cotrain.comparison.accuracy.candidates import INDEPENDENT, LARGE, Candidate, weighted
from cotrain.comparison.accuracy.power import Power, power_of
from cotrain.comparison.accuracy.resampling import resampled, resampled_difference
from cotrain.comparison.accuracy.statistics import (
    Difference,
    Spread,
    corrected,
    mean_difference,
    spread,
)
from cotrain.ensemble.cost import Cost
from cotrain.evaluation.cascade.fitting import CascadePoint
from cotrain.execution.timing import Latency

METRICS = ("error", "nll", "ece", "aurc")  # of which differences are tested


@dataclass(frozen=True, kw_only=True)
class Quality:
    """How good a candidate's answers are.

    Args:
        error: Error of the ensemble in percent.
        nll: Negative log-likelihood in nats.
        brier: Squared distance of the probabilities to the one-hot class, from 0 to 2.
        ece: Expected calibration error, over 15 bins.
        aurc: Mean error among the surest images, in percent (area under risk and coverage).
        coverage: Share of the images that can be answered with 5 % of them wrong, in percent.
    """

    error: Spread
    nll: Spread
    brier: Spread
    ece: Spread
    aurc: Spread
    coverage: Spread


@dataclass(frozen=True, kw_only=True)
class Staged:
    """What a cascade gives, that may lose 0.1 points of accuracy on the images it was fitted to.

    Args:
        error: Error in percent.
        macs: Multiply-accumulates of an image, mean over the images, in percent of the ensemble's.
    """

    error: Spread
    macs: Spread


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """One candidate less another, each calibrated where that was possible.

    Args:
        name: The other candidate.
        calibrated: Whether they are calibrated.
        differences: Of ``METRICS``, by name.
        power: What these runs can show of each; null of one seed.
    """

    name: str
    calibrated: bool
    differences: Mapping[str, Difference]
    power: Mapping[str, Power | None]


@dataclass(frozen=True, kw_only=True)
class CandidateResult:
    """What became of one candidate.

    Args:
        name: The candidate.
        into: S.
        weight: Of its co-training loss.
        cost: Params and MACs.
        given: How good its answers are, as they are.
        calibrated: The same, calibrated; None where there are no images for it.
        single_error: Error of one of its networks alone in percent, mean over the networks.
        disagreement: On how many images two networks differ, in percent; None of one network.
        cascade: Where only as many networks are asked as an image needs; None of one network, and
            where there are no images to fit it on.
        errors: The ensemble's error of every seed.
        nlls: The ensemble's negative log-likelihood of every seed.
        to_large: Less the large network; None of itself, and where it was not trained.
        to_independent: Less the same networks without the co-training loss; None where that is
            what they are, and where these were not trained.
        latencies: Time to answer, one for every batch size.
        seconds: Median time of a training; None where none was trained without interruption.
    """

    name: str
    into: int
    weight: float
    cost: Cost
    given: Quality
    calibrated: Quality | None
    single_error: Spread
    disagreement: Spread | None
    cascade: Staged | None
    errors: tuple[float, ...]
    nlls: tuple[float, ...]
    to_large: Contrast | None
    to_independent: Contrast | None
    latencies: tuple[Latency, ...]
    seconds: float | None

    @property
    def best(self) -> Quality:
        """Calibrated where that was possible."""
        return self.calibrated or self.given

    @property
    def disagreement_ratio(self) -> float | None:
        """How often two networks differ, divided by how often one is wrong (arXiv:2305.12313).

        None of one network, and where no network is wrong.
        """
        if self.disagreement is None or not self.single_error.mean:
            return None
        return self.disagreement.mean / self.single_error.mean


def judge(
    candidates: Sequence[Candidate],
    answers: Mapping[str, CandidateAnswers],
    *,
    costs: Mapping[str, Cost],
    latencies: Sequence[Latency],
    seconds: Mapping[str, Sequence[float]],
) -> tuple[CandidateResult, ...]:
    """The result of every candidate, from what its runs answered, by its name."""
    best = {name: each.best for name, each in answers.items()}
    contrast = _Contrasts(best, any(each.calibrated is not None for each in answers.values()))
    large = LARGE if LARGE in answers else None
    to_large = contrast.to({each.name: large for each in candidates if each.name != LARGE})
    to_independent = contrast.to({each.name: _uncoupled(each, candidates) for each in candidates})
    return tuple(
        _result(
            each,
            answers[each.name],
            cost=costs[each.name],
            to_large=to_large.get(each.name),
            to_independent=to_independent.get(each.name),
            latencies=[one for one in latencies if one.name == each.name],
            seconds=seconds[each.name],
        )
        for each in candidates
    )


def _uncoupled(candidate: Candidate, candidates: Sequence[Candidate]) -> str | None:
    """The candidate that is the same but for the co-training loss, which it has not.

    Independent networks are that for the ensemble that nothing was taken away from.
    """
    experiment = candidate.experiment
    if experiment.into == 1 or not experiment.co_training.weight:
        return None
    first = next(each for each in candidates if each.experiment.into == experiment.into)
    changes = [weighted(0.0), INDEPENDENT] if candidate is first else [weighted(0.0)]
    wanted = [change.of(experiment) for change in changes]
    return next(
        (each.name for one in wanted for each in candidates if each.experiment == one), None
    )


class _Contrasts:
    """Differences of candidates, all on the same draws of images."""

    def __init__(self, answers: Mapping[str, Answers], calibrated: bool) -> None:
        self._answers, self._calibrated = answers, calibrated
        self._replicates = resampled(answers) if len(answers) > 1 else {}

    def to(self, others: Mapping[str, str | None]) -> dict[str, Contrast]:
        """Every candidate less its other one, by its name.

        Those with one and the same other are corrected for how many they are.
        """
        found: dict[str, Contrast] = {}
        for other in dict.fromkeys(others.values()):
            if other is None:
                continue
            names = [name for name, each in others.items() if each == other]
            by_metric = {
                metric: corrected([self._difference(metric, name, other) for name in names])
                for metric in METRICS
            }
            for place, name in enumerate(names):
                differences = {metric: each[place] for metric, each in by_metric.items()}
                found[name] = Contrast(
                    name=other,
                    calibrated=self._calibrated,
                    differences=differences,
                    power={metric: power_of(each) for metric, each in differences.items()},
                )
        return found

    def _difference(self, metric: str, name: str, other: str) -> Difference:
        one, two = self._answers[name], self._answers[other]
        if metric == "error":
            return mean_difference(one.errors - two.errors)
        if metric == "nll":
            return mean_difference(one.nlls - two.nlls)
        values = {"ece": one.eces - two.eces, "aurc": one.aurcs - two.aurcs}
        moved = self._replicates[name][metric] - self._replicates[other][metric]
        return resampled_difference(values[metric], moved, one.errors.shape[1])


def _result(
    candidate: Candidate,
    tested: CandidateAnswers,
    *,
    cost: Cost,
    to_large: Contrast | None,
    to_independent: Contrast | None,
    latencies: Sequence[Latency],
    seconds: Sequence[float],
) -> CandidateResult:
    experiment = candidate.experiment
    return CandidateResult(
        name=candidate.name,
        into=experiment.into,
        weight=experiment.co_training.weight,
        cost=cost,
        given=_quality(tested.given),
        calibrated=None if tested.calibrated is None else _quality(tested.calibrated),
        single_error=spread(tested.single_errors),
        disagreement=spread(tested.disagreements) if experiment.into > 1 else None,
        cascade=_staged(tested.cascades) if tested.cascades else None,
        errors=tuple(tested.given.errors.mean(1).tolist()),
        nlls=tuple(tested.given.nlls.mean(1).tolist()),
        to_large=to_large,
        to_independent=to_independent,
        latencies=tuple(latencies),
        seconds=float(np.median(seconds)) if seconds else None,
    )


def _staged(cascades: Sequence[CascadePoint]) -> Staged:
    return Staged(
        error=spread([100 * (1 - each.accuracy) for each in cascades]),
        macs=spread([100 * each.share for each in cascades]),
    )


def _quality(answers: Answers) -> Quality:
    return Quality(
        error=spread(answers.errors.mean(1)),
        nll=spread(answers.nlls.mean(1)),
        brier=spread(answers.briers),
        ece=spread(answers.eces),
        aurc=spread(answers.aurcs),
        coverage=spread(answers.coverages),
    )
