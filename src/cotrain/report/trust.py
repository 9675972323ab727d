"""How far an ensemble can be trusted, as tables and sentences."""

from dataclasses import astuple

from cotrain.config import Experiment
from cotrain.evaluation.uncertainty.trust import Trust
from cotrain.report.style import ResultTable, new_table


def trust_tables(trust: Trust) -> list[ResultTable]:
    """Calibration before and after; and what each signal is worth, the best one in bold."""
    return [_reliability(trust), _signals(trust)]


def _reliability(trust: Trust) -> ResultTable:
    table = new_table(
        *("", "ECE", "equal mass", "classwise", "Brier", "MCB", "DSC", "UNC"),
        caption=f"{trust.images:,} images, {trust.errors:,} answered wrong. Brier = "
        "miscalibration (MCB) - discrimination (DSC) + uncertainty (UNC).",
    )
    if trust.uncalibrated is not None:
        table.add_row("not calibrated", *(f"{each:.4f}" for each in astuple(trust.uncalibrated)))
    cells = (f"{each:.4f}" for each in astuple(trust.reliability))
    table.add_row("the answers", *cells, style="bold")
    return table


def _signals(trust: Trust) -> ResultTable:
    table = new_table(
        *("signal", "AUROC", "AURC", "AUGRC", "at 5 %", "other AUROC", "FPR95"),
        caption="\n".join(_sentences(trust)),
    )
    for name, each in trust.signals.items():
        cells = ("-" if number is None else f"{number:.4f}" for number in astuple(each))
        table.add_row(name, *cells, style="bold" if name == trust.best_signal else "")
    return table


def _sentences(trust: Trust) -> list[str]:
    said = [
        "AUROC: telling wrong answers from right ones; at 5 %: share of the images that can be "
        "answered with 5 % of the answers wrong."
    ]
    if trust.best_signal is not None:
        said.append(
            f"What tells the {trust.errors:,} wrong answers best here: {trust.best_signal}."
        )
    if trust.sets is not None:
        rule = trust.sets.rule
        said.append(
            f"Sets of classes ({rule.method}) hold the right one in {trust.sets.covered:.1%}, "
            f"{rule.coverage:.1%} are wanted; {trust.sets.size:.2f} classes each."
        )
    if trust.abstention is not None:
        found, rule = trust.abstention, trust.abstention.rule
        risk = "none" if found.risk is None else f"{found.risk:.2%}"
        said.append(
            f"From a probability of {rule.least:.4f} on, {found.coverage:.1%} are answered and "
            f"{risk} of these wrong; at most {rule.risk:.1%} is wanted."
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
