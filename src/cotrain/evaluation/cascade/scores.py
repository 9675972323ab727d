"""How good a cascade's answers are, and how much work they took."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from cotrain.basics.shapes import Float, Int, Shaped
from cotrain.ensemble.answering import Answering, AnsweringSpec, staged_answers_of
from cotrain.ensemble.cascade import known_cascade
from cotrain.ensemble.stages import StagedAnswers, answer_in_stages
from cotrain.evaluation.scores import Scores, scores_of


@dataclass(frozen=True, kw_only=True)
class CascadeScores:
    """What a cascade answered to images, and how many networks that took.

    Args:
        scores: Of its answers.
        share: Of the MACs of the full ensemble, those done for an image on average.
        left: Share of the images that left at each stage, by how many networks were asked.
    """

    scores: Scores
    share: float
    left: dict[int, float]


def cascade_scores(
    ensemble: Answering,
    batches: Iterable[tuple[Shaped[Tensor, "B channels H W"], Int[Tensor, " B"]]],
    *,
    calibrated: bool = True,
) -> CascadeScores:
    """Scores of what the ensemble's cascade answers, by running it.

    Args:
        ensemble: Who answers.
        batches: Prepared images, and their classes.
        calibrated: Use the ensemble's calibration, if it has one, where all networks are asked.

    Raises:
        ConfigError: It has no cascade, or its networks cannot be asked one by one.
    """
    cascade = known_cascade(ensemble.spec.cascade)
    log_p, asked, targets = [], [], []
    for images, classes in batches:
        found = staged_answers_of(ensemble, images, calibrated=calibrated)
        log_p.append(found.log_p)
        asked.append(found.asked)
        targets.append(classes)
    counts = torch.cat(asked)
    ends = (*(stage.networks for stage in cascade.stages), cascade.into)
    return CascadeScores(
        scores=scores_of(torch.cat(log_p), torch.cat(targets)),
        share=cascade.mean_share(counts),
        left={end: (counts == end).double().mean().item() for end in ends},
    )


def staged_by_logits(logits: Float[Tensor, "S N C"], spec: AnsweringSpec) -> StagedAnswers:
    """What a cascade answers to N images that all networks have answered.

    Args:
        logits: Of every network.
        spec: Of the ensemble.

    Raises:
        ConfigError: It has no cascade.
    """
    return answer_in_stages(
        lambda network, images: logits[network, images],
        torch.arange(logits.shape[1]),
        logits.shape[-1],
        spec.cascade,
        spec.calibration,
    )
