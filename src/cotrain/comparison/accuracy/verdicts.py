"""What became of every candidate, beside the large network and without its co-training loss."""

from collections.abc import Mapping, Sequence

import numpy as np

from cotrain.comparison.accuracy.answers import Answers, CandidateAnswers
from cotrain.comparison.accuracy.candidate_result import (
    METRICS,
    CandidateResult,
    Contrast,
    Quality,
    Staged,
)
from cotrain.comparison.accuracy.candidates import INDEPENDENT, LARGE, Candidate, weighted
from cotrain.comparison.accuracy.power import power_of
from cotrain.comparison.accuracy.resampling import resampled, resampled_difference
from cotrain.comparison.accuracy.statistics import (
    Difference,
    corrected,
    mean_difference,
    spread,
)
from cotrain.ensemble.cost import Cost
from cotrain.evaluation.cascade.fitting import CascadePoint
from cotrain.execution.timing import Latency


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
    to_ensemble = contrast.to(_most_networks(candidates))
    return tuple(
        _result(
            each,
            answers[each.name],
            cost=costs[each.name],
            to_large=to_large.get(each.name),
            to_independent=to_independent.get(each.name),
            to_ensemble=to_ensemble.get(each.name),
            latencies=[one for one in latencies if one.name == each.name],
            seconds=seconds[each.name],
        )
        for each in candidates
    )


def _most_networks(candidates: Sequence[Candidate]) -> dict[str, str | None]:
    """The co-trained ensemble of the most networks, by the name of every peer."""
    own = (each for each in candidates if each.experiment.peer == "none")
    ours = [each for each in own if not each.experiment.is_mixed]
    most = max(ours, key=lambda each: each.experiment.into)  # the first, which lacks nothing
    named = None if most.experiment.into == 1 else most.name
    return {each.name: named for each in candidates if each.experiment.peer != "none"}


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
    to_ensemble: Contrast | None,
    latencies: Sequence[Latency],
    seconds: Sequence[float],
) -> CandidateResult:
    experiment = candidate.experiment
    return CandidateResult(
        name=candidate.name,
        slug=candidate.slug,
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
        to_ensemble=to_ensemble,
        peer=experiment.peer,
        mixed=experiment.is_mixed,
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
