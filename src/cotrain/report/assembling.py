"""What came of assembling runs, as tables."""

from collections.abc import Iterator

from cotrain.evaluation.assembling.of_runs import Assembly
from cotrain.evaluation.scores import Scores
from cotrain.report.style import ResultTable, new_table


def assembling_tables(found: Assembly, tested: Scores | None) -> list[ResultTable]:
    """The networks and what each adds; before it, where they were picked, how.

    Args:
        found: What was assembled.
        tested: Its scores on the test images; None where there are none.
    """
    return [*_picks(found), _networks(found, tested)]


def _picks(found: Assembly) -> Iterator[ResultTable]:
    if not found.picks:
        return
    table = new_table(
        "picked",
        "top-1 %,\nso far",
        "NLL",
        "adds,\npoints",
        "to NLL",
        caption="Validation images, by whose NLL they were picked: others are answered worse.",
    )
    before = None
    for pick in found.picks:
        own = pick.scores
        added = ("", "")
        if before is not None:
            added = (f"{100 * (own.top1 - before.top1):+.2f}", f"{own.nll - before.nll:+.4f}")
        table.add_row(found.contributions[pick.network].name, *_cells(own), *added)
        before = own
    yield table


def _networks(found: Assembly, tested: Scores | None) -> ResultTable:
    table = new_table(
        "",
        "weight",
        "MACs",
        "alone,\ntop-1 %",
        "NLL",
        "without it,\ntop-1 %",
        "NLL",
        caption="\n".join(_said(found, tested)),
    )
    for each in found.contributions:
        weight = f"{each.weight:.3f}" if each.weight else "left out"
        table.add_row(
            each.name, weight, f"{each.macs:,}", *_cells(each.alone), *_cells(each.without)
        )
    table.add_section()
    spec = found.ensemble.spec
    cells = ("1.000", f"{spec.macs:,}", *_cells(found.scores), "", "")
    table.add_row(f"all {spec.into}", *cells, style="bold")
    return table


def _said(found: Assembly, tested: Scores | None) -> Iterator[str]:
    if found.scores is None:
        yield "There are no validation images, by which networks could be compared."
    else:
        yield "Scores of the validation images, which chose the runs' epochs, and the weights."
    if found.equal is not None and found.scores is not None:
        yield (
            f"With equal weights they have top-1 {found.equal.top1:.2%} and NLL "
            f"{found.equal.nll:.4f}."
        )
    if tested is not None:
        yield f"On the test images: top-1 {tested.top1:.2%}, NLL {tested.nll:.4f}."


def _cells(scores: Scores | None) -> tuple[str, str]:
    return ("", "") if scores is None else (f"{scores.top1 * 100:.2f}", f"{scores.nll:.4f}")
