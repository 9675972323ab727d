"""The verdict of a comparison in a few plain sentences, which claim what the tests show."""

from collections.abc import Sequence
from dataclasses import dataclass

from cotrain.comparison.accuracy.candidate_result import CandidateResult, Contrast
from cotrain.comparison.accuracy.candidates import LARGE
from cotrain.comparison.accuracy.open_questions import not_shown, without_loss
from cotrain.comparison.accuracy.peers_in_words import peers_in_words
from cotrain.comparison.accuracy.statistics import BETTER, WORSE, Difference
from cotrain.ensemble.cost import Cost

_ALIKE = 0.05  # a ratio of costs that need not be told


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a comparison was made on.

    Args:
        seeds: K.
        images: N test images.
        calibrated_on: Images that the calibrations were fitted on; 0 without.
        device: Where the latency was measured.
    """

    seeds: int
    images: int
    calibrated_on: int
    device: str


def verdict_in_words(results: Sequence[CandidateResult], setting: Setting) -> tuple[str, ...]:
    """Whether dividing is better, by how much and at what cost, and what was not shown.

    Better and worse are said where the test says so that is corrected for the number of
    candidates, and never of one seed.
    """
    peers = [each for each in results if each.peer != "none"]
    divided = [each for each in results if each.name != LARGE and each not in peers]
    large = next((each for each in results if each.name == LARGE), None)
    if not divided:
        error = f"its error is {results[0].best.error.mean:.2f} %."
        if peers:
            return f"No S networks were trained beside the large one; {error}", peers_in_words(
                peers
            )
        return (
            f"Only the large network was trained; {error}",
            "Nothing is compared: give --into an S above 1.",
        )
    best = min(divided, key=lambda each: each.best.error.mean)
    said = [_without_large(best)]
    if large is not None and best.to_large is not None:
        said = [
            _headline(best, large, divided, setting),
            _probabilities(best, large, best.to_large, setting),
            _running(best, large, setting),
        ]
    said += [_co_training(results), peers_in_words(peers), not_shown(best, results)]
    return tuple(each for each in said if each)


def _without_large(best: CandidateResult) -> str:
    return (
        "The large network was not trained (there is no 1 in --into), so that nothing is said of "
        f"better or worse than it; the lowest error has {best.name}, {best.best.error.mean:.2f} %."
    )


def _headline(
    best: CandidateResult,
    large: CandidateResult,
    divided: Sequence[CandidateResult],
    setting: Setting,
) -> str:
    words = {
        each.name: "" if each.to_large is None else each.to_large.error.direction
        for each in divided
    }
    cost = _cost_in_words(best.cost)
    named = f"the best of {len(divided)}, {best.name}," if len(divided) > 1 else best.name
    others = _others(best, words)
    if setting.seeds == 1:
        start = f"One seed does not show what is better: {named} has, at {cost},"
    elif words[best.name] == BETTER:
        start = f"{best.name} is better than the large network on these data, at {cost}: it has"
    elif all(each == WORSE for each in words.values()):
        what = "Replacing it" if any(each.mixed for each in divided) else "Dividing"
        start, others = f"{what} does not help here: {named} is worse at {cost}, with", ""
    else:
        start = f"Nothing is shown to be better than the large network: {named} has, at {cost},"
    assert best.to_large is not None
    return f"{start} {_errors(best, large, 'the large network', best.to_large)}.{others}"


def _cost_in_words(cost: Cost) -> str:
    ratio = f"{cost.macs_ratio:.2f} times the MACs"
    if not cost.equal:
        return ratio
    if max(abs(cost.params_ratio - 1), abs(cost.macs_ratio - 1)) < _ALIKE:
        return "equal cost"
    return f"about equal cost ({cost.params_ratio:.2f} times the params, {ratio})"


def _others(best: CandidateResult, words: dict[str, str]) -> str:
    """What else is clear."""
    said = ""
    for word in (BETTER, WORSE):
        names = [name for name, each in words.items() if each == word and name != best.name]
        if names:
            said += f" {word.removeprefix('clearly ').capitalize()} than it, too: {_list(names)}."
    return said.replace("Worse than it, too", "Worse than it")


def _errors(one: CandidateResult, other: CandidateResult, name: str, contrast: Contrast) -> str:
    """Two errors, and their difference with all that is known of it."""
    return (
        f"an error of {one.best.error.mean:.2f} % against {other.best.error.mean:.2f} % of {name}, "
        f"{_interval(contrast.error)}"
    )


def _interval(found: Difference) -> str:
    return f"{found.mean:+.2f} points ({interval(found, 'candidates')})"


def interval(found: Difference, compared: str) -> str:
    """The interval of a difference, what it covers, and p with what it is corrected for.

    Args:
        found: In points.
        compared: What several were compared of, such as ``candidates``.
    """
    covers = "other seeds and images" if found.over != "images" else "other images, not other seeds"
    several = f" corrected for {found.compared} {compared}" if found.compared > 1 else ""
    return (
        f"95 % interval for {covers}: {found.low:+.2f} to {found.high:+.2f}; p "
        f"{probability(found.adjusted)}{several}"
    )


def probability(p: float) -> str:
    """A p-value with its sign."""
    return "< 0.001" if p < 0.001 else f"= {p:.2g}" if p < 0.1 else f"= {p:.2f}"


def _probabilities(
    best: CandidateResult, large: CandidateResult, contrast: Contrast, setting: Setting
) -> str:
    nll, ece = (contrast.differences[name].direction for name in ("nll", "ece"))
    how = (
        f"calibrated on {setting.calibrated_on:,} other images"
        if contrast.calibrated
        else "not calibrated, for want of images to do it on"
    )
    one, other = best.best, large.best
    return (
        f"Its probabilities, {how}: NLL {one.nll.mean:.4f} against {other.nll.mean:.4f} ({nll}), "
        f"ECE {one.ece.mean:.4f} against {other.ece.mean:.4f} ({ece})."
    )


def _running(best: CandidateResult, large: CandidateResult, setting: Setting) -> str:
    cost = best.cost
    times = [
        f"{one.median_ms / other.median_ms:.2g} times the time for "
        + ("one image" if one.batch_size == 1 else f"a batch of {one.batch_size}")
        for one, other in zip(best.latencies, large.latencies, strict=True)
    ]
    device = "CPU" if setting.device == "cpu" else "GPU"
    took = f" and, its networks one after the other on the {device}, {_list(times)}"
    saved = ""
    if best.cascade is not None:
        share = best.cascade.macs.mean / 100 * cost.macs_ratio
        error = f"an error of {best.cascade.error.mean:.2f} %"
        saved = f"; a cascade takes {share:.2f} times the MACs, with {error}"
    return (
        f"Running it takes {cost.params_ratio:.2f} times the params, {cost.macs_ratio:.2f} times "
        f"the MACs{took if times else ''}{saved}."
    )


def _co_training(results: Sequence[CandidateResult]) -> str:
    """What the co-training loss does, at one weight or several."""
    weighed = without_loss(results)
    if not weighed:
        return ""
    one, contrast = weighed[0]
    without = next(each for each in results if each.name == contrast.name)
    return _sweep(weighed, without) if len(weighed) > 1 else _one_weight(one, without, contrast)


def _one_weight(one: CandidateResult, other: CandidateResult, contrast: Contrast) -> str:
    found = contrast.error
    if found.over == "images":
        start = "One seed does not show whether co-training helps"
    else:
        start = {
            BETTER: "Co-training helps here",
            WORSE: "Co-training costs accuracy here",
        }.get(found.direction, "Co-training is not shown to help")
    return f"{start}: {one.name} has {_errors(one, other, other.name, contrast)}."


def _sweep(weighed: Sequence[tuple[CandidateResult, Contrast]], without: CandidateResult) -> str:
    """What the weights do beside 0, and what is known of forcing networks to agree."""
    every = sorted([without, *(each for each, _ in weighed)], key=lambda each: each.weight)
    lowest = min(every, key=lambda each: each.best.error.mean)
    clear = []
    for word in (BETTER, WORSE):
        weights = [
            f"{each.weight:g}" for each, contrast in weighed if contrast.error.direction == word
        ]
        if weights:
            clear.append(f"{word} than 0 is {_list(weights)}")
    return (
        f"Of the weights {_list([f'{each.weight:g}' for each in every])} of the co-training loss "
        f"{lowest.weight:g} has the lowest error, {lowest.best.error.mean:.2f} % against "
        f"{without.best.error.mean:.2f} % at 0; "
        f"{', '.join(clear) or 'none is clearly better or worse than 0'}. Forcing networks to "
        "agree can cost, and forcing them to differ helps small ones only (arXiv:2302.00704)."
    )


def _list(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def averaging_in_words(result: CandidateResult) -> str:
    """What the disagreement of an ensemble's networks predicts, and what averaging gave."""
    ratio = result.disagreement_ratio
    if ratio is None:
        return f"{result.name}: no network is wrong on any image, so that averaging has no task."
    pays = "pays" if ratio > 1 else "pays little"
    gain = 1 - result.given.error.mean / result.single_error.mean
    gave = f"takes {100 * gain:.0f} % off" if gain >= 0 else f"adds {-100 * gain:.0f} % to"
    return (
        f"{result.name}: two networks differ {ratio:.2f} times as often as one is wrong, which "
        f"predicts that averaging {pays} (arXiv:2305.12313); it {gave} the error of one network."
    )
