"""What a pilot shows, in plain sentences."""

from dataclasses import dataclass

from cotrain.comparison.accuracy.in_words import interval
from cotrain.comparison.accuracy.open_questions import ways_to_show
from cotrain.planning.pilot.leading import Lead


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much a pilot saw of the big run.

    Args:
        epochs: Of each of its runs.
        of_epochs: Of the big run.
        seeds: K.
        images: N images that the candidates were tested on, held out of the training images.
    """

    epochs: int
    of_epochs: int
    seeds: int
    images: int

    def __str__(self) -> str:
        return (
            f"after {self.epochs} of {self.of_epochs} epochs, on {self.images:,} held-out images, "
            f"{self.seeds} seed{'s' * (self.seeds > 1)}"
        )


def pilot_in_words(lead: Lead, extent: Extent) -> tuple[str, ...]:
    """Who is ahead, by how much, and what could still turn it."""
    said = (_ahead(lead, extent), _behind(lead), _could_turn(lead, extent))
    return tuple(each for each in said if each)


def _ahead(lead: Lead, extent: Extent) -> str:
    who, gap = f"{lead.leader} leads {lead.rival}", lead.gap
    seen = f"by {gap.mean:.2f} points of error ({interval(gap, 'pairs')}), {extent}"
    if lead.is_clear:
        return f"{lead.leader} is ahead of {lead.rival} {seen}."
    if extent.seeds == 1:
        return f"One seed cannot tell which is ahead: {who} {seen}; give 3 seeds or more."
    return f"Cannot tell which is ahead: {who} {seen}; {_needed(lead)}."


def _needed(lead: Lead) -> str:
    """What would show a difference as large as the one that was seen."""
    if not lead.gap.mean or lead.power is None:
        return "their errors are equal"
    return f"{ways_to_show(lead.power, 'held-out images')} would show a lead of that size"


def _behind(lead: Lead) -> str:
    """Those that can be given up, where that is not said already."""
    behind = [name for name in lead.clearly_behind if name != lead.rival]
    points = [f"{name} (by {lead.behind[name].mean:.2f} points)" for name in behind]
    return f"Clearly behind {lead.leader}: {', '.join(points)}." if points else ""


def _could_turn(lead: Lead, extent: Extent) -> str:
    """What is assumed of the epochs that were not trained."""
    left = extent.of_epochs - extent.epochs
    if not left:
        return ""
    if not lead.is_clear:
        return (
            f"The other {left} epochs were not trained; leads may shrink or turn in them, as "
            "networks that learn more slowly catch up."
        )
    return (
        f"{lead.leader} wins the big run if the order stays as it is in the other {left} epochs, "
        "which were not trained: networks that learn more slowly may catch up. Its lead is lost if "
        f"{lead.rival} gains {lead.gap.mean:.2f} points more in them."
    )
