"""How far an ensemble can be trusted, as tables and sentences."""

from dataclasses import astuple

from cotrain.config import Experiment
from cotrain.evaluation.uncertainty.uncertainty import Uncertainty
from cotrain.report.calibration import never_sure
from cotrain.report.style import ResultTable, new_table


def uncertainty_tables(found: Uncertainty) -> list[ResultTable]:
    """Calibration before and after; and what each signal is worth, the best one in bold."""
    return [_reliability(found), _signals(found)]


def _reliability(found: Uncertainty) -> ResultTable:
    table = new_table(
        *("", "ECE", "equal mass", "classwise", "Brier", "MCB", "DSC", "UNC"),
        caption=f"{found.images:,} images, {found.errors:,} answered wrong. Brier = "
        "miscalibration (MCB) - discrimination (DSC) + uncertainty (UNC).",
    )
    if found.uncalibrated is not None:
        table.add_row("not calibrated", *(f"{each:.4f}" for each in astuple(found.uncalibrated)))
    cells = (f"{each:.4f}" for each in astuple(found.reliability))
    table.add_row("the answers", *cells, style="bold")
    return table


def _signals(found: Uncertainty) -> ResultTable:
    table = new_table(
        *("signal", "AUROC", "AURC", "AUGRC", "at 5 %", "other AUROC", "FPR95"),
        caption="\n".join(_sentences(found)),
    )
    for name, each in found.signals.items():
        cells = ("-" if number is None else f"{number:.4f}" for number in astuple(each))
        table.add_row(name, *cells, style="bold" if name == found.best_signal else "")
    return table


def _sentences(found: Uncertainty) -> list[str]:
    said = [
        "AUROC: telling wrong answers from right ones; at 5 %: share of the images that can be "
        "answered with 5 % of the answers wrong."
    ]
    if found.best_signal is not None:
        said.append(
            f"What tells the {found.errors:,} wrong answers best here: {found.best_signal}."
        )
    if found.sets is not None:
        rule = found.sets.rule
        said.append(
            f"Sets of classes ({rule.method}) hold the right one in {found.sets.covered:.1%}, "
            f"{rule.coverage:.1%} are wanted; {found.sets.size:.2f} classes each."
        )
    if found.abstention is not None:
        answered, rule = found.abstention, found.abstention.rule
        risk = "none" if answered.risk is None else f"{answered.risk:.2%}"
        said.append(
            f"From a probability of {rule.least:.4f} on, {answered.coverage:.1%} are answered and "
            f"{risk} of these wrong; at most {rule.risk:.1%} is wanted."
            if rule.coverage
            else never_sure(rule)
        )
    return said


def cautions(run: Experiment | None) -> list[str]:
    """Settings of the run that are known to make its answers less trustworthy."""
    if run is None:
        return []
    said = []
    if run.co_training.label_smoothing:
        said.append(
            f"label_smoothing={run.co_training.label_smoothing}: it is known to make wrong answers "
            "harder to tell from right ones (arXiv:2403.14715)."
        )
    if run.views.mixup or run.views.cutmix:
        said.append(
            "Mixed images and averaging together make answers not certain enough "
            "(arXiv:2010.09875): calibrate."
        )
    return said
