"""What a pilot shows, as a table, its sentences and what comes next."""

from collections.abc import Iterator
from pathlib import Path

from cotrain.basics.files import write_json
from cotrain.basics.text import duration
from cotrain.planning.pilot.pilot import Pilot
from cotrain.planning.pilot.shortening import HELD_OUT
from cotrain.planning.pilot.tried import Tried
from cotrain.report.style import Cell, ResultTable, new_table, short_number


def write_pilot(pilot: Pilot, folder: Path) -> None:
    """Write ``pilot.json``."""
    write_json(folder / "pilot.json", pilot.to_dict())


def pilot_table(pilot: Pilot) -> ResultTable:
    """Error and cost of every candidate."""
    extent = pilot.extent
    about = (
        f"{extent.epochs} of {extent.of_epochs} epochs, {extent.images:,} images held out of the "
        f"training images, {extent.seeds} seed{'s' * (extent.seeds > 1)}; no test image was used."
    )
    columns = ("", "error\n%", "behind\npoints", "params", "MACs", "run\ns", "big run\nabout")
    table = new_table(*columns, caption=about)
    for each in pilot.candidates:
        table.add_row(*_cells(each, pilot))
    return table


def _cells(one: Tried, pilot: Pilot) -> list[Cell]:
    behind = pilot.lead.behind.get(one.name)
    std = [] if one.error.std is None else [f"± {one.error.std:.2f}"]
    return [
        one.name,
        [f"{one.error.mean:.2f}", *std],
        "ahead"
        if behind is None
        else [f"{behind.mean:+.2f}", f"from {behind.low:+.2f}", f"to {behind.high:+.2f}"],
        [short_number(one.cost.params), f"x {one.cost.params_ratio:.2f}"],
        [short_number(one.cost.macs), f"x {one.cost.macs_ratio:.2f}"],
        "-" if one.seconds is None else f"{one.seconds:.0f}",
        "-" if one.big_seconds is None else duration(one.big_seconds),
    ]


def pilot_remarks(pilot: Pilot) -> Iterator[str]:
    """What the pilot took, and what comes next."""
    together = f"{pilot.jobs} at a time"
    if pilot.experiment.data.validation in ("none", 0):
        yield (
            f"data.validation=none: the pilot held out {HELD_OUT} of the training images; the big "
            "run trains on them, too"
        )
    if pilot.seconds is not None:
        yield f"the pilot: about {duration(pilot.seconds)}, {together}"
    (big,) = (each for each in pilot.candidates if each.name == pilot.lead.leader)
    train, compare = pilot.commands
    yield f"the big run of {big.name}{_about(big.big_seconds)}:"
    yield f"  {train}"
    yield f"or all of them, tested once on the test images{_about(pilot.whole_seconds)}:"
    yield f"  {compare}"
    if pilot.left_out:
        seeds = ", ".join(map(str, pilot.left_out))
        yield f"left out, for lack of time: seed {seeds}: the same command goes on with it"


def _about(seconds: float | None) -> str:
    return "" if seconds is None else f", about {duration(seconds)}"
