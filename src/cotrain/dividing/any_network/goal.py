"""What one of S networks must cost, and how near an attempt comes to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from torch import nn

from cotrain.config.dividing import Budget
from cotrain.dividing.any_network.by_structure.survey import Survey
from cotrain.networks.costs import count_macs, count_params
from cotrain.networks.stages import middle, stages

# Largest over smallest ratio of a stage's width to the large network's, of a uniform network.
MOST_UNEVEN = 1.25


@dataclass(frozen=True, kw_only=True)
class Goal:
    """S times an attempt's cost must be within ``tolerance`` of the large network's.

    Args:
        large: The large network, on the ``meta`` device.
        image_shape: [C, H, W].
        classes: Outputs of the layers that give the logits, wherever they are registered.
        into: S.
        budget: Which cost must be kept: params, MACs, or both.
        tolerance: Largest allowed ``|S * small / large - 1|``.
    """

    large: nn.Module
    image_shape: tuple[int, int, int]
    classes: int
    into: int
    budget: Budget = "params"
    tolerance: float = 0.05

    @cached_property
    def costs(self) -> dict[str, int]:
        """What the large network costs, for each cost of the budget."""
        return self._costs_of(self.large)

    def ratios(self, small: nn.Module) -> dict[str, float]:
        """S times the attempt's cost over the large network's, for each cost of the budget."""
        return {
            name: self.into * cost / self.costs[name]
            for name, cost in self._costs_of(small).items()
        }

    def _costs_of(self, network: nn.Module) -> dict[str, int]:
        found = {}
        if self.budget in ("params", "both"):
            found["params"] = count_params(network)
        if self.budget in ("macs", "both"):
            found["macs"] = count_macs(network, self.image_shape)
        return found


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One way to make the large network smaller.

    Args:
        mechanism: ``constructor`` or ``structural``.
        changes: What it changes; goes into the spec.
        network: The small network, on the ``meta`` device.
        ratios: S times its cost over the large network's, by cost.
        unevenness: Largest over smallest ratio of a stage's width to the large network's.
        survey: Of the network that was narrowed by its structure; None if none was.
    """

    mechanism: Literal["constructor", "structural"]
    changes: Mapping[str, Any]
    network: nn.Module
    ratios: Mapping[str, float]
    unevenness: float
    survey: Survey | None = None

    @property
    def error(self) -> float:
        """How far the worse ratio is from 1."""
        return max(abs(ratio - 1) for ratio in self.ratios.values())

    def fits(self, goal: Goal) -> bool:
        """Whether it keeps the budget with uniform widths."""
        return self.error <= goal.tolerance and self.unevenness <= MOST_UNEVEN


def stage_ratios(large: nn.Module, small: nn.Module, classes: int) -> dict[str, float]:
    """By stage, the small network's width over the large one's.

    The width of a layer is the number of its outputs; a stage's ratio is the median over its
    layers, each counted by its size, so that a squeeze of 8 channels says little. Layers are
    matched by name; those that give the classes, of which a network may have several, have none.
    """
    narrow = dict(small.named_parameters())
    found: dict[str, float] = {}
    for stage, layers in stages(large).items():
        pairs = [
            (narrow[name].shape[0] / weight.shape[0], weight.numel())
            for name, weight in layers.items()
            if name in narrow and not weight.shape[0] == narrow[name].shape[0] == classes
        ]
        if pairs:
            found[stage] = middle(pairs)
    return found


def unevenness(large: nn.Module, small: nn.Module, classes: int) -> float:
    """Largest over smallest stage ratio: 1 where all stages were narrowed alike."""
    ratios = stage_ratios(large, small, classes).values()
    return max(ratios) / min(ratios) if ratios else 1.0
