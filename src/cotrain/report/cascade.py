"""A cascade as a table."""

from collections.abc import Sequence

from cotrain.evaluation.cascade.fitting import CascadeFit
from cotrain.evaluation.cascade.of_run import CascadedRun
from cotrain.evaluation.cascade.scores import CascadeScores
from cotrain.report.calibration import IMAGES
from cotrain.report.networks import network_names
from cotrain.report.style import ResultTable, new_table


def cascade_tables(found: CascadedRun) -> list[ResultTable]:
    """The stages; then the cascade beside the full ensemble and each network."""
    return [_stages(found), _accuracies(found)]


def _stages(found: CascadedRun) -> ResultTable:
    fit, cascade = found.fit, found.fit.cascade
    on_test = found.tested.cascade.left if found.tested and found.tested.cascade else {}
    caption = (
        f"Images leave where the {cascade.signal} is no less than the threshold; "
        f"fitted on {cascade.images:,} {IMAGES[found.images.fitted_on]}. Stored: {found.path}."
    )
    columns = ("asked", "networks", f"{cascade.signal}\nfrom", "leave %,\nfitted", "leave %,\ntest")
    table = new_table(*columns, texts=("networks",), caption=caption)
    ends = [0, *(stage.networks for stage in cascade.stages), cascade.into]
    limits = [*(f"{stage.threshold:.4f}" for stage in cascade.stages), "-"]
    for place, (end, limit, left) in enumerate(zip(ends[1:], limits, fit.left, strict=True)):
        networks = ", ".join(map(str, cascade.order[ends[place] : end]))
        tested = f"{on_test[end]:.1%}" if end in on_test else "-"
        table.add_row(str(end), networks, limit, f"{left:.1%}", tested)
    return table


def _accuracies(found: CascadedRun) -> ResultTable:
    fit, tested, cascade = found.fit, found.tested, found.fit.cascade
    names = network_names(found.spec)
    table = new_table("", "MACs %", "top-1 %,\nfitted", "top-1 %,\ntest", caption=_caption(fit))
    scores = tested.evaluation if tested else None
    for index, accuracy in enumerate(fit.alone):
        own = scores.networks[index].top1 if scores else None
        share = cascade.costs[index] if cascade.costs else 1 / cascade.into
        table.add_row(names[index], *_cells(share, accuracy, own))
    table.add_section()
    full = scores.ensemble.top1 if scores else None
    table.add_row("full ensemble", *_cells(1.0, fit.full, full))
    crossed = fit.cross_fitted
    table.add_row("cascade, cross-fitted", *_cells(crossed.share, crossed.accuracy, None))
    table.add_row("cascade", *_cells(fit.fitted.share, fit.fitted.accuracy, None), style="bold")
    if tested and tested.cascade:
        own = tested.cascade
        cells = (f"{100 * own.share:.1f}", "-", f"{100 * own.scores.top1:.2f}")
        table.add_row("cascade, on the test images", *cells, style="bold")
    return table


def _cells(share: float, fitted: float, tested: float | None) -> Sequence[str]:
    test = "-" if tested is None else f"{100 * tested:.2f}"
    return (f"{100 * share:.1f}", f"{100 * fitted:.2f}", test)


def _caption(fit: CascadeFit) -> str:
    cascade = fit.cascade
    said = [
        f"Expected of new images: {fit.full - cascade.accuracy:.2%} fewer right answers than those "
        f"of the full ensemble, at {cascade.share:.1%} of its MACs. Cross-fitted: each image is "
        "answered by what was fitted to others."
    ]
    if fit.tolerance is not None and fit.tolerance / 100 * cascade.images < 1:
        said.append(
            f"A tolerance of {fit.tolerance:g} points is less than one of {cascade.images:,} "
            f"images: it takes {round(100 / fit.tolerance):,} to see it kept."
            if fit.tolerance
            else "A tolerance of 0 cannot be seen kept on any number of images."
        )
    if not cascade.stages:
        said.append("No image can leave early: all networks are asked about each.")
    return "\n".join(said)


def cascade_line(found: CascadeScores) -> str:
    """What running the cascade gave, in a sentence."""
    left = ", ".join(f"{share:.1%} after {asked}" for asked, share in found.left.items())
    return (
        f"cascade: top-1 {100 * found.scores.top1:.2f} %, NLL {found.scores.nll:.4f}, at "
        f"{found.share:.1%} of the MACs of all networks; images leave: {left}."
    )
