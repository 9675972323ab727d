"""What a calibration changes, as tables."""

from collections.abc import Mapping

from cotrain.config.calibration import FittedOn
from cotrain.ensemble.calibration import Abstention, Calibration
from cotrain.evaluation.calibration.calibrate import CalibratedRun
from cotrain.report.style import ResultTable, new_table

IMAGES: Mapping[FittedOn, str] = {
    "calibration": "images that neither trained nor selected",
    "validation": "validation images",
    "other": "other images",
}
SELECTED = (
    "Images that chose the checkpoint look easier than new ones: probabilities become too certain, "
    "and the wanted coverage and risk may be missed. Train with --data.calibration 0.1, or give "
    "images that the run has not seen by --data.root."
)


def calibration_table(found: CalibratedRun) -> ResultTable:
    """One row for every method; that which is used stands out."""
    lines = [
        f"{found.calibration.images:,} {IMAGES[found.images.fitted_on]}, each answered by what was "
        "fitted on others.",
        *([SELECTED] if found.images.selected_checkpoint else []),
        f"Used from now on: {numbers_in_words(found.calibration)}; {found.path}.",
        *_lost_weights(found),
        *rules_in_words(found.calibration),
    ]
    caption = "\n".join(lines)
    table = new_table("", "top-1 %", "NLL", "Brier", "ECE", caption=caption)
    for name, scores in found.scores.items():
        numbers = (scores.nll, scores.brier, scores.ece)
        style = "bold" if name == found.calibration.method else ""
        cells = (f"{number:.4f}" for number in numbers)
        table.add_row(name, f"{scores.top1 * 100:.2f}", *cells, style=style)
    return table


def _lost_weights(found: CalibratedRun) -> list[str]:
    """Weights that stood there, as those of an assembled ensemble, are not among the methods."""
    if found.replaced is None or not found.replaced.weights:
        return []
    alike = "" if found.calibration.weights else ": all networks count the same now"
    return [f"In place of {numbers_in_words(found.replaced)}{alike}."]


def numbers_in_words(calibration: Calibration) -> str:
    """The numbers of a calibration, in a phrase."""
    if calibration.method == "none":
        return "nothing, as no method is clearly better than none"
    parts = []
    if calibration.weights:
        parts.append(f"weights {', '.join(f'{each:.3f}' for each in calibration.weights)}")
    if calibration.temperatures:
        parts.append(
            f"temperatures {', '.join(f'{each:.3f}' for each in calibration.temperatures)}"
        )
    else:
        parts.append(f"temperature {calibration.temperature:.3f}")
    return ", ".join(parts)


def rules_in_words(calibration: Calibration) -> list[str]:
    """What was stored besides: sets of classes, where to abstain, and the best signal."""
    lines = []
    if calibration.sets is not None:
        rule = calibration.sets
        lines.append(f"Sets of classes ({rule.method}) hold the right one in {rule.coverage:.1%}.")
    if calibration.abstention is not None:
        rule = calibration.abstention
        lines.append(
            f"At most {rule.risk:.1%} are wrong where the probability is {rule.least:.4f} or more: "
            f"{rule.coverage:.1%} of these images."
            if rule.coverage
            else never_sure(rule)
        )
    if calibration.signal is not None:
        best = calibration.signal
        lines.append(
            f"What tells the {best.errors:,} wrong answers best: {best.name} "
            f"(AUROC {best.auroc:.4f})."
        )
    return lines


def never_sure(rule: Abstention) -> str:
    """What is said where the wanted risk is out of reach."""
    return f"No probability is large enough for {rule.risk:.1%} of wrong answers."
