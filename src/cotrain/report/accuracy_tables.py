"""What the verdict of a comparison rests on, as small tables."""

from collections.abc import Callable, Mapping, Sequence

from cotrain.comparison.accuracy.candidate_result import CandidateResult, Contrast, Quality
from cotrain.comparison.accuracy.compare import Comparison
from cotrain.comparison.accuracy.in_words import averaging_in_words, probability
from cotrain.comparison.accuracy.statistics import Difference, Spread
from cotrain.report.style import Cell, ResultTable, new_table, short_number

_DIGITS = {"error": 2, "nll": 4, "brier": 4, "ece": 4, "aurc": 3, "coverage": 1}


def comparison_tables(comparison: Comparison) -> list[ResultTable]:
    """Quality before and after calibration, differences, what averaging gives, and cost."""
    results = comparison.candidates
    found = [
        _quality_table(comparison),
        _calibrated_table(comparison),
        *_contrast_tables(comparison),
        _averaging_table(results),
        _cascade_table(results),
        _cost_table(comparison),
    ]
    return [table for table in found if table.rows]


def _quality_table(comparison: Comparison) -> ResultTable:
    about = (
        f"{over_seeds(comparison).capitalize()}, {comparison.images:,} test images. AURC: mean "
        "error among the surest images; at 5 %: share of the images that can be answered with 5 % "
        "of them wrong."
    )
    if comparison.not_calibrated:
        about += f"\nNot calibrated: {comparison.not_calibrated}."
    return _qualities(comparison.candidates, "as they are", lambda each: each.given, about)


def _calibrated_table(comparison: Comparison) -> ResultTable:
    about = f"Each run is calibrated on the same {comparison.calibrated_on:,} other images."
    return _qualities(comparison.candidates, "calibrated", lambda each: each.calibrated, about)


def _qualities(
    results: Sequence[CandidateResult],
    title: str,
    part: Callable[[CandidateResult], Quality | None],
    caption: str,
) -> ResultTable:
    columns = ("error\n%", "NLL", "Brier", "ECE", "AURC\n%", "at 5 %\n%")
    table = new_table(title, *columns, caption=caption)
    for each in results:
        quality = part(each)
        if quality is not None:
            spreads = {name: getattr(quality, name) for name in _DIGITS}
            cells = (_plus_minus(value, _DIGITS[name]) for name, value in spreads.items())
            table.add_row(each.name.split(" "), *cells)
    return table


def _contrast_tables(comparison: Comparison) -> list[ResultTable]:
    """What is explained stands below the last."""
    results = comparison.candidates
    tables = [
        _contrast_table("less S=1", {each.name: each.to_large for each in results}),
        _contrast_table(
            "less no co-training", {each.name: each.to_independent for each in results}
        ),
        *_peer_tables(results),
    ]
    shown = [table for table in tables if table.rows]
    if shown:
        several = len(comparison.seeds) > 1
        shown[-1].caption = (
            f"95 % intervals over {'seeds and images' if several else 'images only'}; p is "
            "corrected for the number of candidates, and the word is what it says."
        )
    return shown


def _peer_tables(results: Sequence[CandidateResult]) -> list[ResultTable]:
    peers = {each.name: each.to_ensemble for each in results if each.to_ensemble is not None}
    return [_contrast_table(f"less {next(iter(peers.values())).name}", peers)] if peers else []


def _contrast_table(title: str, contrasts: Mapping[str, Contrast | None]) -> ResultTable:
    table = new_table(title, "error\npoints", "NLL", "ECE", "AURC\npoints")
    for name, contrast in contrasts.items():
        if contrast is not None:
            differences = contrast.differences.items()
            cells = [_difference_cell(found, _DIGITS[metric]) for metric, found in differences]
            table.add_row(name.split(" "), *cells)
    return table


def _difference_cell(found: Difference, digits: int) -> list[str]:
    word = found.direction.removeprefix("clearly ").removesuffix(" with this seed")
    return [
        f"{found.mean:+.{digits}f}",
        f"from {found.low:+.{digits}f}",
        f"to {found.high:+.{digits}f}",
        f"p {probability(found.adjusted)}",
        "not clear" if word == "no clear difference" else word,
    ]


def _averaging_table(results: Sequence[CandidateResult]) -> ResultTable:
    several = [each for each in results if each.disagreement is not None]
    table = new_table(
        *("", "one network\n%", "ensemble\n%", "two differ\n%", "differ /\nwrong"),
        caption="\n".join(map(averaging_in_words, several)),
    )
    for each in several:
        ratio = each.disagreement_ratio
        table.add_row(
            each.name.split(" "),
            *(_plus_minus(value, 2) for value in (each.single_error, each.given.error)),
            _plus_minus(each.disagreement, 2) if each.disagreement else "-",
            "-" if ratio is None else f"{ratio:.2f}",
        )
    return table


def _cascade_table(results: Sequence[CandidateResult]) -> ResultTable:
    about = (
        "Only as many networks are asked as an image needs, fitted where the calibration was: "
        "cotrain cascade RUN stores such a rule."
    )
    table = new_table("cascade", "error\n%", "of all\n%", "MACs\n%", "x S=1", caption=about)
    for each in results:
        if each.cascade is not None:
            macs = each.cascade.macs
            errors = (_plus_minus(value, 2) for value in (each.cascade.error, each.best.error))
            ratio = f"{macs.mean / 100 * each.cost.macs_ratio:.2f}"
            table.add_row(each.name.split(" "), *errors, _plus_minus(macs, 1), ratio)
    return table


def _cost_table(comparison: Comparison) -> ResultTable:
    sizes = [each.batch_size for each in comparison.candidates[0].latencies]
    columns = ["", "params", "MACs", *(f"ms\nB={size}" for size in sizes), "train\ns"]
    about = (
        f"ms: median per image, {comparison.device}, {comparison.threads} threads, networks one "
        f"after the other. train s: one training, {comparison.jobs} at a time."
    )
    table = new_table(*columns, caption=about)
    for each in comparison.candidates:
        table.add_row(*_cost_cells(each))
    return table


def _cost_cells(result: CandidateResult) -> list[Cell]:
    cost = result.cost
    return [
        [*result.name.split(" "), *([] if cost.equal else ["not equal", "cost"])],
        [short_number(cost.params), f"x {cost.params_ratio:.2f}"],
        [short_number(cost.macs), f"x {cost.macs_ratio:.2f}"],
        *(f"{latency.per_image_ms:.3g}" for latency in result.latencies),
        "-" if result.seconds is None else f"{result.seconds:.0f}",
    ]


def over_seeds(comparison: Comparison) -> str:
    """What the numbers are: of one seed, or over several."""
    seeds = len(comparison.seeds)
    return "one seed" if seeds == 1 else f"mean ± standard deviation over {seeds} seeds"


def _plus_minus(value: Spread, digits: int) -> list[str]:
    std = [] if value.std is None else [f"± {value.std:.{digits}f}"]
    return [f"{value.mean:.{digits}f}", *std]
