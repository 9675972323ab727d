"""What dividing costs, as a table."""

from collections.abc import Iterator

from cotrain.dividing.divided import Checks
from cotrain.dividing.division import Division, NetworkCost, network_cost
from cotrain.ensemble.cost import cost_of
from cotrain.ensemble.ensemble import Ensemble
from cotrain.report.style import ResultTable, new_table


def division_table(division: Division) -> ResultTable:
    """The large network, one of the S it is divided into, and all S together."""
    large, small, into = division.large, division.small, division.into
    title = f"{division.network} into {into}"
    table = new_table("", "params", "MACs", "widths", title=title)
    table.add_row("large network", *_cost_cells(large, 1), _widths(large))
    table.add_row("one network", *_cost_cells(small, 1), _widths(small))
    table.add_row(f"all {into}", *_cost_cells(small, into), "", style="bold")
    ratios = (f"x {ratio:.3f}" for ratio in (division.params_ratio, division.macs_ratio))
    table.add_row("ratio", *ratios, "")
    return table


def cost_table(ensemble: Ensemble) -> ResultTable:
    """What an ensemble costs, beside the large network that was divided, or network by network."""
    if ensemble.spec.divided is None:
        return _assembled_table(ensemble)
    large, cost = network_cost(ensemble.spec.large), cost_of(ensemble)
    into = ensemble.spec.into
    table = new_table("", "params", "MACs", "params,\nratio", "MACs,\nratio")
    table.add_row("large network", *_cost_cells(large, 1), "1.000", "1.000")
    ratios = (f"{each:.3f}" for each in (cost.params_ratio, cost.macs_ratio))
    table.add_row(f"all {into}", f"{cost.params:,}", f"{cost.macs:,}", *ratios, style="bold")
    return table


def _assembled_table(ensemble: Ensemble) -> ResultTable:
    spec, table = ensemble.spec, new_table("", "params", "MACs")
    for index, (member, cost) in enumerate(zip(spec.members, spec.costs(), strict=True)):
        table.add_row(f"network {index}: {member.network.arch}", *_cost_cells(cost, 1))
    table.add_row(f"all {spec.into}", f"{spec.params:,}", f"{spec.macs:,}", style="bold")
    return table


def _cost_cells(cost: NetworkCost, times: int) -> tuple[str, str]:
    return f"{cost.params * times:,}", f"{cost.macs * times:,}"


def _widths(cost: NetworkCost) -> str:
    return " ".join(map(str, cost.widths))


def division_notes(division: Division) -> list[str]:
    """What is divided beside the widths, and what speaks against dividing."""
    before, after = division.weight_decay, division.divided_weight_decay
    rates = division.large.regularization
    divided = [
        f"{name} {p:g} -> {division.small.regularization[name]:.4g}"
        for name, p in rates.items()
        if p
    ]
    divided.append(f"weight decay, where a recipe divides it, {before:g} -> {after:.4g}")
    return [
        f"narrowest stage: {division.large.narrowest} -> {division.small.narrowest}",
        "regularisation: " + ", ".join(divided),
        *_checks(division.checks),
        *(f"warning: {each}" for each in division.warnings),
    ]


def _checks(checks: Checks) -> Iterator[str]:
    """What was made sure of, and what was not."""
    if checks.passed:
        yield "checked: " + "; ".join(checks.passed)
    yield from (f"not checked: {each}" for each in (*checks.skipped, checks.none) if each)
