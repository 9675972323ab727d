"""How right a candidate's runs answer, beside the large network's: numbers and a plain verdict."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import safetensors.torch

from cotrain.candidates import Candidate, Cost
from cotrain.errors import ConfigError
from cotrain.evaluation import log_probabilities
from cotrain.latency import Latency
from cotrain.run_folder import RunFolder
from cotrain.statistics import Difference, Spread, paired_bootstrap, spread

RESAMPLES = 2000  # of the bootstrap


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """How right the answers of K runs of one candidate are to the same N images.

    Args:
        errors: 100 where the ensemble is wrong, else 0 [K, N]: the mean is the error in percent.
        nlls: Negative log-likelihood of the ensemble in nats [K, N].
        single_errors: Error of its single networks in percent, mean over the S networks [K].
        targets: Classes [N].
    """

    errors: np.ndarray
    nlls: np.ndarray
    single_errors: np.ndarray
    targets: np.ndarray


def read_answers(folders: Sequence[RunFolder]) -> Answers:
    """The answers of a candidate's runs, of which each combines by the mean of logits.

    Raises:
        ConfigError: The runs were not tested on the same images.
    """
    answers = [_read(folder) for folder in folders]
    first = answers[0].targets
    for folder, each in zip(folders, answers, strict=True):
        if not np.array_equal(each.targets, first):
            raise ConfigError(f"{folder.root} was tested on other images: choose another --output")
    return Answers(
        errors=np.concatenate([each.errors for each in answers]),
        nlls=np.concatenate([each.nlls for each in answers]),
        single_errors=np.concatenate([each.single_errors for each in answers]),
        targets=first,
    )


def _read(folder: RunFolder) -> Answers:
    stored = safetensors.torch.load_file(folder.predictions)
    logits, targets = stored["logits"], stored["targets"]
    log_p = log_probabilities(logits)
    single = (logits.argmax(-1) != targets).double().mean() * 100
    return Answers(
        errors=((log_p.argmax(-1) != targets).double() * 100)[None].numpy(),
        nlls=-log_p.gather(1, targets[:, None]).T.numpy(),
        single_errors=single[None].numpy(),
        targets=targets.numpy(),
    )


@dataclass(frozen=True, kw_only=True)
class CandidateResult:
    """What became of one candidate.

    Args:
        name: The candidate.
        into: S.
        cost: Params and MACs.
        error: Error of the ensemble in percent.
        nll: Negative log-likelihood of the ensemble in nats.
        single_error: Error of one of its networks alone in percent, mean over the networks.
        errors: The ensemble's error of every seed.
        nlls: The ensemble's negative log-likelihood of every seed.
        error_difference: Error less the large network's, in points of percent; None without one.
        nll_difference: Likewise for the negative log-likelihood.
        latencies: Time to answer, one for every batch size.
        seconds: Median time of a training; None where none was trained without interruption.
        verdict: One plain sentence.
    """

    name: str
    into: int
    cost: Cost
    error: Spread
    nll: Spread
    single_error: Spread
    errors: tuple[float, ...]
    nlls: tuple[float, ...]
    error_difference: Difference | None
    nll_difference: Difference | None
    latencies: tuple[Latency, ...]
    seconds: float | None
    verdict: str


def judge(
    candidate: Candidate,
    answers: Answers,
    large: Answers | None,
    *,
    cost: Cost,
    latencies: Sequence[Latency],
    seconds: Sequence[float],
) -> CandidateResult:
    """The result of a candidate beside the large network's answers; None for it itself."""
    errors, nlls = answers.errors.mean(1), answers.nlls.mean(1)
    error_difference = nll_difference = None
    if large is not None:
        error_difference = paired_bootstrap(answers.errors - large.errors, resamples=RESAMPLES)
        nll_difference = paired_bootstrap(answers.nlls - large.nlls, resamples=RESAMPLES)
    return CandidateResult(
        name=candidate.name,
        into=candidate.experiment.into,
        cost=cost,
        error=spread(errors),
        nll=spread(nlls),
        single_error=spread(answers.single_errors),
        errors=tuple(errors.tolist()),
        nlls=tuple(nlls.tolist()),
        error_difference=error_difference,
        nll_difference=nll_difference,
        latencies=tuple(latencies),
        seconds=float(np.median(seconds)) if seconds else None,
        verdict=verdict(error_difference, nll_difference, cost),
    )


def verdict(error: Difference | None, nll: Difference | None, cost: Cost) -> str:
    """One sentence on a candidate, given its differences to the large network; None for it itself.

    A difference is called clear when its 95 % interval does not contain 0.
    """
    if error is None or nll is None:
        return "the large network" if cost.params_ratio == 1 else "no large network to compare with"
    words = {"worse": "worse: dividing does not help here"}
    found = [
        f"error {words.get(error.direction, error.direction)} ({_interval(error, 2)} points)",
        f"NLL {nll.direction} ({_interval(nll, 4)})",
    ]
    if not cost.equal:
        found.append(f"at {cost.params_ratio:.2f}x the params and {cost.macs_ratio:.2f}x the MACs")
    return ", ".join(found)


def _interval(difference: Difference, digits: int) -> str:
    mean, low, high = (
        f"{value:+.{digits}f}" for value in (difference.mean, difference.low, difference.high)
    )
    return f"{mean}, from {low} to {high}"
