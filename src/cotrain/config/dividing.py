"""How a network that has no published rule is divided."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cotrain.config.limits import TOLERANCE, bounded

Budget = Literal["params", "macs", "both"]
Method = Literal["auto", "constructor", "structural"]
Check = Literal["none", "quick", "full"]


@dataclass(frozen=True, kw_only=True)
class DivideOptions:
    """How a network of other origin is divided; our own networks have published rules.

    Args:
        budget: The cost of the large network that the S networks keep to: ``params``, ``macs``,
            or ``both``.
        tolerance: How far all S together may be from the large network's cost, as a share.
        method: ``constructor`` builds the class with smaller widths; ``structural`` narrows the
            layers of the built network; ``auto`` takes the first that keeps the budget.
        widths: Channels of the large network and what they become, such as ``{64: 32}``, if one
            factor for all is not wanted; implies ``structural``.
        check: What is made sure of before a narrowed network is taken: nothing (``none``); what
            needs no weights, such as that no attention's scale is stale (``quick``); or also
            outputs, in float64 on the CPU (``full``).
    """

    budget: Budget = "params"
    tolerance: float = bounded(0.05, TOLERANCE)
    method: Method = "auto"
    widths: Mapping[int, int] | None = None
    check: Check = "quick"
