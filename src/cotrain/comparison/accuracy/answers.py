"""How right the runs of a comparison answer, as they are and calibrated, image by image.

Shapes: S networks, K seeds, N images, C classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.comparison.accuracy.fitting import RunFit
from cotrain.ensemble.combining import log_probabilities
from cotrain.ensemble.stages import answer_in_stages
from cotrain.evaluation.cascade.fitting import CascadePoint
from cotrain.evaluation.evaluate import read_predictions
from cotrain.evaluation.scores import disagreement_of, scores_of
from cotrain.evaluation.uncertainty.selection import risk_coverage


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """How right the ensembles of K runs answer the same N images.

    Args:
        errors: 100 where the ensemble is wrong, else 0 [K, N]: the mean is the error in percent.
        nlls: Negative log-likelihood in nats [K, N].
        confidences: Probability of the class that is answered [K, N].
        briers: Brier score [K].
        eces: Expected calibration error [K].
        aurcs: Mean error among the surest images, in percent [K].
        coverages: Share of the images that can be answered with 5 % of them wrong, in percent [K].
    """

    errors: np.ndarray
    nlls: np.ndarray
    confidences: np.ndarray
    briers: np.ndarray
    eces: np.ndarray
    aurcs: np.ndarray
    coverages: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class CandidateAnswers:
    """What K runs of one candidate answered to N test images.

    Args:
        given: The ensembles' answers as they are, combined by the mean of logits.
        calibrated: The same, calibrated on other images; None where there are none.
        single_errors: Error of the single networks in percent, mean over the S networks [K].
        disagreements: On how many images two networks differ, in percent, mean over pairs [K].
        cascades: What asking only some networks gives in each run; empty where none was fitted.
        targets: Classes [N].
    """

    given: Answers
    calibrated: Answers | None
    single_errors: np.ndarray
    disagreements: np.ndarray
    cascades: tuple[CascadePoint, ...]
    targets: np.ndarray

    @property
    def best(self) -> Answers:
        """Calibrated where that was possible."""
        return self.calibrated or self.given


def read_answers(
    folders: Mapping[str, Sequence[RunFolder]],
    fits: Mapping[str, Sequence[RunFit]],
) -> dict[str, CandidateAnswers]:
    """The answers of every candidate's runs.

    Args:
        folders: Of every candidate's runs.
        fits: One for each of them; of no candidate where nothing was fitted.

    Raises:
        ConfigError: The runs were not tested on the same images, or on one.
    """
    runs = {
        name: [
            read_run(folder, fits[name][place] if fits else None)
            for place, folder in enumerate(each)
        ]
        for name, each in folders.items()
    }
    first = next(iter(runs.values()))[0].targets
    for name, each in runs.items():
        if not all(np.array_equal(run.targets, first) for run in each):
            raise ConfigError(f"runs of {name} were tested on other images: use another --output")
    if len(first) < 2:
        raise ConfigError("there is one test image, which gives no interval: set data.test_images")
    return {name: _joined(each) for name, each in runs.items()}


def _joined(runs: Sequence[CandidateAnswers]) -> CandidateAnswers:
    calibrated = [run.calibrated for run in runs if run.calibrated is not None]
    return CandidateAnswers(
        given=_together([run.given for run in runs]),
        calibrated=_together(calibrated) if calibrated else None,
        single_errors=np.concatenate([run.single_errors for run in runs]),
        disagreements=np.concatenate([run.disagreements for run in runs]),
        cascades=tuple(point for run in runs for point in run.cascades),
        targets=runs[0].targets,
    )


def _together(answers: Sequence[Answers]) -> Answers:
    names = [field.name for field in fields(Answers)]
    return Answers(**{n: np.concatenate([getattr(each, n) for each in answers]) for n in names})


def read_run(folder: RunFolder, fit: RunFit | None = None) -> CandidateAnswers:
    """The answers of one run (K = 1).

    Raises:
        ConfigError: They are missing or damaged.
    """
    logits, targets = read_predictions(folder)
    labels, calibration = logits.argmax(-1), fit and fit.calibration
    calibrated = None
    if calibration is not None:
        log_p = log_probabilities(logits, calibration.combine, calibration)
        calibrated = answers_of(log_p, targets)
    return CandidateAnswers(
        given=answers_of(log_probabilities(logits), targets),
        calibrated=calibrated,
        single_errors=np.array([(labels != targets).double().mean() * 100]),
        disagreements=np.array([disagreement_of(labels) * 100]),
        cascades=_cascaded(logits, targets, fit),
        targets=targets.numpy(),
    )


def _cascaded(logits: Tensor, targets: Tensor, fit: RunFit | None) -> tuple[CascadePoint, ...]:
    """What the cascade gives, replayed on the answers of all networks."""
    if fit is None or fit.cascade is None:
        return ()
    found = answer_in_stages(
        lambda index, images: logits[index, images],
        torch.arange(len(targets)),
        logits.shape[-1],
        fit.cascade,
        fit.calibration,
    )
    hit = found.log_p.argmax(-1) == targets
    return (CascadePoint(share=found.share, accuracy=hit.double().mean().item()),)


def answers_of(log_p: Tensor, targets: Tensor) -> Answers:
    """How right log-probabilities [N, C] are (K = 1)."""
    scores, confidence = scores_of(log_p, targets), log_p.exp().amax(-1)
    wrong = log_p.argmax(-1) != targets
    curve = risk_coverage(-confidence, wrong)
    return Answers(
        errors=(wrong.double() * 100)[None].numpy(),
        nlls=-log_p.gather(1, targets[:, None]).T.numpy(),
        confidences=confidence[None].numpy(),
        briers=np.array([scores.brier]),
        eces=np.array([scores.ece]),
        aurcs=np.array([curve.aurc() * 100]),
        coverages=np.array([curve.coverage_at(0.05) * 100]),
    )
