"""What one of S networks must cost, and how near a candidate comes to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from cotrain.config.dividing import Budget
from cotrain.networks.costs import count_macs, count_params

# Largest over smallest ratio of a stage's width to the large network's, of a uniform network.
MOST_UNEVEN = 1.25


@dataclass(frozen=True, kw_only=True)
class Target:
    """S times a candidate's cost must be within ``tolerance`` of the large network's.

    Args:
        large: The large network, on the ``meta`` device.
        image_shape: [C, H, W].
        into: S.
        budget: Which cost must be kept: params, MACs, or both.
        tolerance: Largest allowed ``|S * small / large - 1|``.
    """

    large: nn.Module
    image_shape: tuple[int, int, int]
    into: int
    budget: Budget = "params"
    tolerance: float = 0.05

    def ratios(self, small: nn.Module) -> dict[str, float]:
        """S times the candidate's cost over the large network's, for each cost of the budget."""
        found = {}
        if self.budget in ("params", "both"):
            found["params"] = self.into * count_params(small) / count_params(self.large)
        if self.budget in ("macs", "both"):
            macs = count_macs(self.large, self.image_shape)
            found["macs"] = self.into * count_macs(small, self.image_shape) / macs
        return found


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One way to make the large network smaller.

    Args:
        mechanism: ``constructor`` or ``structural``.
        changes: What it changes; goes into the spec.
        network: The small network, on the ``meta`` device.
        ratios: S times its cost over the large network's, by cost.
        unevenness: Largest over smallest ratio of a stage's width to the large network's.
    """

    mechanism: Literal["constructor", "structural"]
    changes: Mapping[str, Any]
    network: nn.Module
    ratios: Mapping[str, float]
    unevenness: float

    @property
    def error(self) -> float:
        """How far the worse ratio is from 1."""
        return max(abs(ratio - 1) for ratio in self.ratios.values())

    def fits(self, target: Target) -> bool:
        """Whether it keeps the budget with uniform widths."""
        return self.error <= target.tolerance and self.unevenness <= MOST_UNEVEN
