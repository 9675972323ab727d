"""How right a candidate's runs answer, beside the large network's: numbers and a plain verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.comparison.accuracy.candidates import Candidate
from cotrain.comparison.accuracy.statistics import Difference, Spread, mean_difference, spread
from cotrain.ensemble.combining import log_probabilities
from cotrain.ensemble.cost import Cost
from cotrain.evaluation.evaluate import read_predictions
from cotrain.execution.timing import Latency


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


def read_answers(folders: Mapping[str, Sequence[RunFolder]]) -> dict[str, Answers]:
    """The answers of every candidate's runs.

    Raises:
        ConfigError: The runs were not tested on the same images, or on one.
    """
    runs = {name: [read_run(folder) for folder in each] for name, each in folders.items()}
    first = next(iter(runs.values()))[0].targets
    for name, each in runs.items():
        if not all(np.array_equal(run.targets, first) for run in each):
            raise ConfigError(f"runs of {name} were tested on other images: use another --output")
    if len(first) < 2:
        raise ConfigError("there is one test image, which gives no interval: set data.test_images")
    return {name: _join(each) for name, each in runs.items()}


def _join(runs: Sequence[Answers]) -> Answers:
    return Answers(
        errors=np.concatenate([run.errors for run in runs]),
        nlls=np.concatenate([run.nlls for run in runs]),
        single_errors=np.concatenate([run.single_errors for run in runs]),
        targets=runs[0].targets,
    )


def read_run(folder: RunFolder) -> Answers:
    """The answers of one run (K = 1), combined by the mean of logits.

    Raises:
        ConfigError: They are missing or damaged.
    """
    logits, targets = read_predictions(folder)
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
    """The result of a candidate beside the large network's answers, if there are any."""
    into = candidate.experiment.into
    errors, nlls = answers.errors.mean(1), answers.nlls.mean(1)
    error_difference = nll_difference = None
    if large is not None and into > 1:
        error_difference = mean_difference(answers.errors - large.errors)
        nll_difference = mean_difference(answers.nlls - large.nlls)
    return CandidateResult(
        name=candidate.name,
        into=into,
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
        verdict="the large network"
        if into == 1
        else verdict(error_difference, nll_difference, cost),
    )


def verdict(error: Difference | None, nll: Difference | None, cost: Cost) -> str:
    """One sentence on a candidate, given its differences to the large network, if there is one.

    A difference is called clear when its 95 % interval, over seeds and images, does not contain 0.
    Of one seed it says that the interval is over images only.
    """
    if error is None or nll is None:
        return "no large network to compare with: S=1 was not trained"
    words = {"clearly worse": "clearly worse: dividing does not help here"}
    found = [
        f"error {words.get(error.direction, error.direction)} ({_interval(error, 2)} points)",
        f"NLL {nll.direction} ({_interval(nll, 4)})",
    ]
    if not cost.equal:
        found.append(f"at {cost.params_ratio:.2f}x the params and {cost.macs_ratio:.2f}x the MACs")
    if error.over == "images":
        found.append("intervals over images only: one seed says nothing of other seeds")
    return ", ".join(found)


def _interval(difference: Difference, digits: int) -> str:
    mean, low, high = (
        f"{value:+.{digits}f}" for value in (difference.mean, difference.low, difference.high)
    )
    return f"{mean}, from {low} to {high}"
