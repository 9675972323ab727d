"""What a comparison leaves open, and how many seeds or images would show it."""

from collections.abc import Sequence

from cotrain.comparison.accuracy.candidate_result import CandidateResult, Contrast
from cotrain.comparison.accuracy.power import Power
from cotrain.comparison.accuracy.statistics import BETTER, WORSE


def without_loss(results: Sequence[CandidateResult]) -> list[tuple[CandidateResult, Contrast]]:
    """Those that are compared with the same networks without the co-training loss, and how.

    Where several S are, the largest stands for all: what is said and what is open are of one.
    """
    compared = [(each, each.to_independent) for each in results if each.to_independent]
    return [pair for pair in compared if pair[1].name == compared[-1][1].name]


def not_shown(best: CandidateResult, results: Sequence[CandidateResult]) -> str:
    """What remains open, and how many seeds or images would show it."""
    what = best.name if best.mixed else "dividing"
    named = {f"whether {what} is better": best.to_large}
    weighed = [contrast for _, contrast in without_loss(results)]
    if weighed and all(each.error.direction != BETTER for each in weighed):
        named["whether co-training helps"] = weighed[0]
    open_ = [
        f"{what} ({_needed(contrast)})"
        for what, contrast in named.items()
        if contrast is not None and contrast.error.direction not in (BETTER, WORSE)
    ]
    return f"Not shown: {'; '.join(open_)}." if open_ else ""


def _needed(contrast: Contrast) -> str:
    """What would show a difference in error as large as the one that was seen."""
    found, power = contrast.error, contrast.power["error"]
    if power is None:
        return "3 seeds or more would say how much seeds differ"
    if not found.mean:
        return "the errors are equal"
    size = f"{power.detectable:.2f} points" if power.detectable < 100 else "no difference at all"
    shown = (
        f"{found.variance.seeds} seeds and {found.variance.images:,} images show {size} reliably"
    )
    return f"{shown}; {abs(found.mean):.2f}, as seen, would take {ways_to_show(power, 'images')}"


def ways_to_show(power: Power, images: str) -> str:
    """How many seeds, or images, would show a difference as large as the one that was seen.

    Args:
        power: Of that difference.
        images: What the images are called.
    """
    ways = [] if power.seeds is None else [f"about {power.seeds} seeds"]
    ways += [] if power.images is None else [f"about {_rounded(power.images)} {images}"]
    return " or ".join(ways) or "more seeds and more images"


def _rounded(number: int) -> str:
    """With two digits that count: what it is estimated from has no more."""
    return f"{int(float(f'{number:.2g}')):,}"
