"""Which networks are taken, and what each counts: from their answers to images held out."""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.config.combining import Combine
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.combining import log_probabilities
from cotrain.ensemble.spec import EnsembleSpec
from cotrain.evaluation.assembling.greedy import Pick, pick_greedily, shares
from cotrain.evaluation.calibration.fitting import METHODS, fitted
from cotrain.evaluation.scores import Scores, scores_of

Select = Literal["all", "greedy"]
WeightsOf = Literal["auto", "equal", "fitted"]

# Logits [S, N, C] of all networks, and the classes [N] of the images.
Answers: TypeAlias = tuple[Tensor, Tensor]


@dataclass(frozen=True, kw_only=True)
class Taken:
    """The networks that are taken.

    Args:
        networks: Their indices, rising.
        picks: How they were picked; empty where all are taken.
        calibration: Their weights; None where they are equal.
    """

    networks: tuple[int, ...]
    picks: tuple[Pick, ...] = ()
    calibration: Calibration | None = None

    def weight_of(self, network: int) -> float:
        """Its share in the ensemble; 0 where it is not taken."""
        if network not in self.networks:
            return 0.0
        weights = self.calibration and self.calibration.weights
        return weights[self.networks.index(network)] if weights else 1 / len(self.networks)

    def equal(self) -> "Taken":
        """The same networks with equal weights."""
        return replace(self, calibration=None)


def choose_networks(
    known: Answers | None,
    kept: Answers | None,
    spec: EnsembleSpec,
    *,
    select: Select,
    weights: WeightsOf,
) -> Taken:
    """The networks that are taken, and their weights.

    Args:
        known: Answers to the validation images; None where there are none.
        kept: Answers to images kept to calibrate on; None where there are none.
        spec: Of the ensemble of all networks.
        select: All, or those that are picked greedily.
        weights: Equal, or fitted to the images kept, else to the validation images; ``auto`` is
            how often each was picked, or equal.

    Raises:
        ConfigError: No images for what is asked for, or a maximum, which has no weights.
    """
    if select == "all":
        chosen, picks = dict.fromkeys(range(spec.into), 1.0), ()
    else:
        picks = pick_greedily(*_needed(known, "--select greedy"), spec.combine)
        chosen = shares(picks)
    taken = Taken(networks=tuple(chosen), picks=picks)
    if weights == "fitted":
        answers = _needed(kept or known, "--weights fitted")
        calibration = _fitted(taken, answers, spec.combine)
        fitted_on = "calibration" if kept else "validation"
        return replace(taken, calibration=replace(calibration, fitted_on=fitted_on))
    if weights == "auto" and len(set(chosen.values())) > 1:
        images = len(_needed(known, "--select greedy")[1])
        counts = Calibration(combine=spec.combine, weights=tuple(chosen.values()), images=images)
        return replace(taken, calibration=counts)
    return taken


def _needed(answers: Answers | None, flag: str) -> Answers:
    if answers is None:
        raise ConfigError(
            f"{flag}: the runs have no validation images, by which that is judged: train with "
            "data.validation such as 0.2, or assemble all with equal weights"
        )
    return answers


def _fitted(taken: Taken, answers: Answers, combine: Combine) -> Calibration:
    logits, targets = answers
    if "weights" not in METHODS[combine]:
        raise ConfigError(
            f"combine={combine!r} has no weights to fit: use --weights equal, or a mean"
        )
    method = "weights" if len(taken.networks) > 1 else "temperature"
    return fitted(method, logits[list(taken.networks)], targets, combine)


def weighted_scores(answers: Answers, taken: Taken, combine: Combine) -> Scores:
    """Of the ensemble that is chosen."""
    logits, targets = answers
    log_p = log_probabilities(logits[list(taken.networks)], combine, taken.calibration)
    return scores_of(log_p, targets)


def scores_without(network: int, answers: Answers, taken: Taken, combine: Combine) -> Scores | None:
    """Of the ensemble without a network; None where it is not in it, or alone there."""
    others = tuple(each for each in taken.networks if each != network)
    if not others or len(others) == len(taken.networks):
        return None
    calibration = taken.calibration
    if calibration is not None and calibration.weights:
        left = [taken.weight_of(each) for each in others]
        calibration = replace(calibration, weights=tuple(each / sum(left) for each in left))
    return weighted_scores(answers, Taken(networks=others, calibration=calibration), combine)
