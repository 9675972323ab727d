"""Fit temperatures and weights to images, and choose which of them to use.

The temperature is that of the combined answer: networks that are calibrated one by one give an
ensemble that is not certain enough (arXiv:2007.08792, arXiv:2101.05397).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Float, Int
from cotrain.config.combining import Combine
from cotrain.ensemble.calibration import COLDEST, HOTTEST, Calibration, CalibrationMethod
from cotrain.ensemble.combining import combined_scores, log_probabilities
from cotrain.evaluation.scores import Scores, check_answers, scores_of

# Of a mean of logits, temperatures of the networks and weights are one and the same.
METHODS: dict[Combine, Sequence[CalibrationMethod]] = {
    "mean_logits": ("temperature", "weights"),
    "mean_probabilities": ("temperature", "temperatures", "weights"),
    "max_logits": ("temperature", "temperatures"),
    "max_probabilities": ("temperature", "temperatures"),
}
_FOLDS = 5
_LEAST = 20  # images; with fewer a fold has less than four
_CHUNK = 4096  # images whose float64 logits are held at once
_STEPS = 100  # of L-BFGS, which needs about ten


@dataclass(frozen=True, kw_only=True)
class CalibrationFit:
    """The calibration that was chosen, and what each method would give.

    Args:
        calibration: Fitted on all images.
        scores: Of each method, ``none`` first: every image is answered by what was fitted on
            the other folds.
    """

    calibration: Calibration
    scores: dict[CalibrationMethod, Scores]


def fit_calibration(
    logits: Float[Tensor, "S N C"], targets: Int[Tensor, " N"], combine: Combine = "mean_logits"
) -> CalibrationFit:
    """Fit every method, and choose by cross-validated negative log-likelihood.

    A method with more numbers replaces a simpler one if it is better by more than two standard
    errors of the difference, over the images.

    Args:
        logits: Of images that were not trained on.
        targets: Their classes.
        combine: How the S answers become one.

    Raises:
        ConfigError: Too few images, or logits and targets that do not fit.
    """
    check_answers(logits, targets)
    if len(targets) < _LEAST:
        raise ConfigError(
            f"{len(targets)} images are too few to calibrate on: give at least {_LEAST}, by a "
            "larger --data.calibration of the run, or others by --data.root"
        )
    methods = METHODS[combine] if len(logits) > 1 else ("temperature",)
    raw = Calibration(combine=combine, images=len(targets))
    log_p: dict[CalibrationMethod, Tensor] = {"none": log_probabilities(logits, combine)}
    for method in methods:
        log_p[method] = _cross_validated(method, logits, targets, combine)
    chosen = _chosen({name: -_of_targets(each, targets) for name, each in log_p.items()})
    return CalibrationFit(
        calibration=raw if chosen == "none" else fitted(chosen, logits, targets, combine),
        scores={name: scores_of(each, targets) for name, each in log_p.items()},
    )


def _of_targets(log_p: Tensor, targets: Tensor) -> Float[Tensor, " N"]:
    return log_p.gather(1, targets[:, None]).squeeze(1)


def _chosen(nlls: dict[CalibrationMethod, Tensor]) -> CalibrationMethod:
    """The method with the smallest NLL, unless a simpler one, which stands before, is as good."""
    best: CalibrationMethod = "none"
    for name, nll in nlls.items():
        gain = nlls[best] - nll
        if gain.mean() > 2 * gain.std() / len(gain) ** 0.5:
            best = name
    return best


def _cross_validated(
    method: CalibrationMethod, logits: Tensor, targets: Tensor, combine: Combine
) -> Float[Tensor, "N C"]:
    """Log-probabilities of every image, by what was fitted on the other folds."""
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(0))
    log_p = torch.empty(logits.shape[1:], dtype=torch.float64)
    for fold in order.tensor_split(_FOLDS):
        others = order[~torch.isin(order, fold)]
        found = fitted(method, logits[:, others], targets[others], combine)
        log_p[fold] = log_probabilities(logits[:, fold], combine, found)
    return log_p


def fitted(
    method: CalibrationMethod,
    logits: Float[Tensor, "S N C"],
    targets: Int[Tensor, " N"],
    combine: Combine,
) -> Calibration:
    """The numbers of one method that are the most probable given these images.

    The logarithm of every number is taken to be normal around 0 before any image was seen, so that
    a set without an error does not ask for certainty: as much as a handful of images would say.
    """
    numbers = {"temperature": 1, "temperatures": len(logits), "weights": 1 + len(logits)}[method]
    parameters = torch.zeros(numbers, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [parameters], max_iter=_STEPS, tolerance_grad=1e-9, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        """The negative log of the posterior, an image; its gradient a chunk at a time."""
        optimizer.zero_grad()
        parts = zip(logits.split(_CHUNK, dim=1), targets.split(_CHUNK), strict=True)
        total = parameters.square().sum() / 2 / len(targets)
        total.backward()
        for z, y in parts:
            log_p = _scores(method, parameters, z.double(), combine).log_softmax(-1)
            part = -_of_targets(log_p, y).sum() / len(targets)
            part.backward()
            total = total + part.detach()
        return total.detach()

    optimizer.step(loss)  # type: ignore[arg-type]
    return _calibration(method, parameters.detach(), combine, len(targets))


def _temperatures(logarithms: Tensor) -> Tensor:
    return logarithms.exp().clamp(COLDEST, HOTTEST)


def _scores(
    method: CalibrationMethod, parameters: Tensor, logits: Tensor, combine: Combine
) -> Tensor:
    """Scores [B, C] by parameters that are all 0 where nothing is calibrated."""
    if method == "temperatures":
        return combined_scores(logits, combine, temperatures=_temperatures(parameters))
    weights = parameters[1:].softmax(0) if method == "weights" else None
    return combined_scores(logits, combine, weights=weights) / _temperatures(parameters[0])


def _calibration(
    method: CalibrationMethod, parameters: Tensor, combine: Combine, images: int
) -> Calibration:
    if method == "temperatures":
        numbers = tuple(_temperatures(parameters).tolist())
        return Calibration(combine=combine, temperatures=numbers, images=images)
    return Calibration(
        combine=combine,
        temperature=_temperatures(parameters[0]).item(),
        weights=tuple(parameters[1:].softmax(0).tolist()),
        images=images,
    )
