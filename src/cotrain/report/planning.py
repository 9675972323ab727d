"""What could replace a large network, as a table and its remarks."""

from collections.abc import Iterator

from cotrain.planning.alternative import Alternative
from cotrain.planning.commands import PHOTOS
from cotrain.planning.shortlist import Shortlist
from cotrain.report.style import ResultTable, new_table, short_number


def shortlist_table(found: Shortlist) -> ResultTable:
    """A row for every alternative: cost, published accuracy, and what is known of it."""
    timed = found.device is not None
    published = any(each.top1 is not None for row in found.alternatives for each in row.networks)
    columns = ["", "params", "MACs", *["ms"] * timed, *["top-1 %"] * published, "evidence"]
    cost = "params" if found.by == "params" else "MACs"
    about = (
        f"{found.network} for {found.num_classes} classes, {found.image_size} pixels: what has as "
        f"many {cost}, {found.tolerance:.0%} more or less"
    )
    table = new_table(*columns, title=about, texts=["evidence"], caption=_about(found, published))
    for number, row in enumerate(found.alternatives, start=1):
        names = [f"{number}. {row.name}", *(f"   {each}" for each in _members(row))]
        cells = [
            [short_number(row.params), f"x {row.params_ratio:.2f}"],
            [short_number(row.macs), f"x {row.macs_ratio:.2f}"],
            *([f"{row.ms:.3g}"] if row.ms is not None else []),
            *([_top1s(row)] if published else []),
        ]
        table.add_row(names, *cells, row.finding.evidence)
    return table


def _about(found: Shortlist, published: bool) -> str:
    lines = ["Params and MACs are counted, for the user's classes."]
    if published:
        lines.append("top-1: published of each network alone, on ImageNet (timm, 2025-10-30).")
    if found.device is not None:
        lines.append(
            f"ms: one image, networks one after the other, measured here ({found.device})."
        )
    return " ".join(lines)


def _members(row: Alternative) -> list[str]:
    """The networks of an alternative whose name does not say them."""
    if row.networks[0].top1 is None:
        return []
    return [each.name.partition(":")[2] for each in row.networks]


def _top1s(row: Alternative) -> list[str]:
    """Beside the networks' names."""
    return ["", *(f"{each.top1:.2f}" for each in row.networks if each.top1 is not None)]


def shortlist_remarks(found: Shortlist) -> Iterator[str]:
    """What is known of each alternative and what runs it, what is left out, and the advice."""
    said: dict[str, int] = {}
    for number, row in enumerate(found.alternatives, start=1):
        finding = row.finding
        yield f"{number}. {row.name}: {finding.evidence}: {_once(finding.text, said, number)}"
        yield from (f"   {_once(each, said, number)}" for each in row.commands)
    yield from (f"left out: {each}" for each in found.left_out)
    yield ""
    yield f"{PHOTOS} is your folder of images, one folder a class."
    yield from found.advice


def _once(text: str, said: dict[str, int], number: int) -> str:
    """The text, or where an alternative before has said it."""
    first = said.setdefault(text, number)
    return text if first == number else f"as {first}"
