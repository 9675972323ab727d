"""How good an ensemble is, and what it answers, as tables."""

from collections.abc import Iterable, Sequence

from cotrain.ensemble.answering import AnsweringSpec
from cotrain.ensemble.prediction import Prediction
from cotrain.evaluation.by_class import ByClass
from cotrain.evaluation.rounding import Rounding
from cotrain.evaluation.run_scores import RunScores
from cotrain.evaluation.scores import Evaluation, Scores
from cotrain.report.networks import network_names
from cotrain.report.style import ResultTable, new_table

_NAMED = 5  # confusions
_LISTED = 3  # classes of a set
# Signals that every row shows.
_SHOWN = ("maximum probability", "disagreement", "mutual information")


def evaluation_table(evaluation: Evaluation, spec: AnsweringSpec) -> ResultTable:
    """One row for every network of ``spec`` and one for all; the diversity stands below."""
    diversity = evaluation.diversity
    caption = (
        f"{evaluation.images:,} images; combined by {evaluation.combine}. Diversity: two networks "
        f"disagree on {diversity.disagreement:.2%} of the images; mutual information "
        f"{diversity.mutual_information:.4f} nats."
    )
    table = new_table("", "top-1 %", "top-5 %", "NLL", "Brier", "ECE", caption=caption)
    for name, scores in zip(network_names(spec), evaluation.networks, strict=True):
        table.add_row(name, *_cells(scores))
    table.add_section()
    if evaluation.uncalibrated is not None:
        table.add_row("ensemble, not calibrated", *_cells(evaluation.uncalibrated))
    table.add_row("ensemble", *_cells(evaluation.ensemble), style="bold")
    return table


def rounding_line(rounding: Rounding) -> str:
    """What half precision cost."""
    return (
        f"{rounding.dtype}: {rounding.changed:.2%} of the images get another answer than in fp32; "
        f"top-1 {100 * rounding.top1:+.2f} points, NLL {rounding.nll:+.4f}, a probability by "
        f"{rounding.probability:.4f} at most."
    )


def confusion_table(by_class: ByClass) -> ResultTable:
    """The classes that are most often taken one for another."""
    images = {each.label: each.images for each in by_class.classes}
    columns = ("class", "taken for", "images", "% of the class")
    table = new_table(*columns, texts=("taken for",), title="most often taken one for another")
    for each in by_class.confusions:
        share = f"{100 * each.images / images[each.truth]:.1f}"
        table.add_row(each.truth, each.answer, f"{each.images:,}", share)
    return table


def runs_table(runs: Iterable[RunScores]) -> ResultTable:
    """One row a run, with what an answer costs."""
    table = new_table("", "S", "top-1 %", "NLL", "Brier", "ECE", "params", "MACs")
    for run in runs:
        scores = run.scores
        cells = ["-"] * 4
        if scores is not None:
            numbers = (scores.nll, scores.brier, scores.ece)
            cells = [f"{scores.top1 * 100:.2f}", *(f"{number:.4f}" for number in numbers)]
        table.add_row(run.name, str(run.into), *cells, f"{run.params:,}", f"{run.macs:,}")
    return table


def class_table(by_class: ByClass) -> ResultTable:
    """One row for every class; the largest confusions stand below."""
    images = {each.label: each.images for each in by_class.classes}
    named = [
        f"{each.truth} for {each.answer} ({each.images:,} of {images[each.truth]:,})"
        for each in by_class.confusions[:_NAMED]
    ]
    confused = ", ".join(named) if named else "none"
    caption = (
        f"Balanced accuracy, the mean of the recalls: {by_class.balanced_accuracy:.2%}. "
        f"Most often taken one for another: {confused}."
    )
    columns = ("images", "recall %", "precision %", "F1 %")
    table = new_table("the ensemble by class", *columns, caption=caption)
    for each in by_class.classes:
        shares = (each.recall, each.precision, each.f1)
        cells = ("-" if share is None else f"{share * 100:.2f}" for share in shares)
        table.add_row(each.label, f"{each.images:,}", *cells)
    return table


def _cells(scores: Scores) -> list[str]:
    top5 = "-" if scores.top5 is None else f"{scores.top5 * 100:.2f}"
    numbers = (scores.nll, scores.brier, scores.ece)
    return [f"{scores.top1 * 100:.2f}", top5, *(f"{number:.4f}" for number in numbers)]


def prediction_table(rows: Iterable[Prediction]) -> ResultTable:
    """One row an image; an image that could not be decoded says why.

    What was fitted stands behind: the best signal, unless it stands there anyway, the set, and
    whether to abstain; and of a cascade, how many networks were asked.
    """
    rows = list(rows)
    answered = next((row for row in rows if row.error is None), Prediction(path=""))
    columns = ["image", "label", "probability", "disagreement", "mutual\ninformation"]
    fitted = {
        "set": answered.set is not None,
        "abstain": answered.abstain is not None,
        answered.signal or "": answered.signal not in (None, *_SHOWN),
    }
    if any(row.asked is not None for row in rows):
        fitted["asked"] = True
    more = [name for name, is_shown in fitted.items() if is_shown]
    table = new_table(*columns, *more, texts=["label", *(["set"] if fitted["set"] else [])])
    if answered.signal is not None:
        table.caption = f"What tells wrong answers best here: {answered.signal}."
    for row in rows:
        if row.error is not None:
            table.add_row(row.path, note=row.error, style="red")
            continue
        labels, shares = zip(*_named(row), strict=True)
        numbers = (row.disagreement, row.mutual_information)
        cells = ("-" if number is None else f"{number:.4f}" for number in numbers)
        ours = {"set": _in_set(row.set or ()), "abstain": "yes" if row.abstain else "no"}
        ours["asked"] = str(row.asked)
        last = (ours.get(name, f"{row.doubt or 0.0:.4f}") for name in more)
        table.add_row(row.path, labels, [f"{share:.4f}" for share in shares], *cells, *last)
    return table


def _in_set(labels: Sequence[str]) -> str:
    more = len(labels) - _LISTED
    return ", ".join(labels[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _named(row: Prediction) -> Sequence[tuple[str, float]]:
    """The classes that a row names, with their probabilities."""
    if row.probabilities is not None:
        return list(row.probabilities.items())
    if row.top is not None:
        return [(each.label, each.probability) for each in row.top]
    return [(row.label or "", row.probability or 0.0)]
