"""A network rebuilt with other constructor arguments, once for each choice, and checked."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import nn

from cotrain.basics.seeds import seeded
from cotrain.dividing.any_network.goal import Attempt, Goal, unevenness
from cotrain.networks.evaluating import evaluating
from cotrain.networks.foreign.narrow.arguments import Changes, Construction, build_with_arguments
from cotrain.networks.meta import logits_on_meta, on_meta


@dataclass(kw_only=True)
class Rebuilding:
    """The attempts that one constructor gives.

    Args:
        build: Makes the large network.
        construction: What its constructor is called with.
        goal: What the attempts are measured by.
    """

    build: Callable[[], nn.Module]
    construction: Construction
    goal: Goal
    _built: dict[str, Attempt | None] = field(default_factory=dict)
    _runs: dict[str, bool] = field(default_factory=dict)

    @property
    def builds(self) -> int:
        """How many networks were built, or could not be."""
        return len(self._built)

    @property
    def refused(self) -> bool:
        """Whether some arguments gave no network, or one that does not run."""
        return None in self._built.values() or False in self._runs.values()

    def attempt(self, changes: Changes) -> Attempt | None:
        """The network with these arguments; None if it cannot be built with the same layers."""
        key = json.dumps(changes)
        if key not in self._built:
            self._built[key] = self._measured(changes)
        return self._built[key]

    def runs(self, changes: Changes) -> bool:
        """Whether the network is built with these arguments and gives logits of the same shape."""
        key = json.dumps(changes)
        if key not in self._runs:
            attempt = self.attempt(changes)
            self._runs[key] = attempt is not None and self._gives_logits(attempt)
        return self._runs[key]

    def _measured(self, changes: Changes) -> Attempt | None:
        try:
            network = on_meta(lambda: self._changed(changes))
            if set(network.state_dict()) != self._names:
                return None
            return Attempt(
                mechanism="constructor",
                changes={"arguments": changes},
                network=network,
                ratios=self.goal.ratios(network),
                unevenness=unevenness(self.goal.large, network, self.goal.classes),
            )
        except Exception:  # whatever a constructor or a forward raises for widths it cannot have
            return None

    def _changed(self, changes: Changes) -> nn.Module:
        return build_with_arguments(self.build, changes, self.construction)

    def _gives_logits(self, attempt: Attempt) -> bool:
        try:
            if self._shape_on_meta is not None:
                shape = logits_on_meta(attempt.network, self.goal.image_shape).shape
                return shape == self._shape_on_meta
            return self._shape_on_cpu(lambda: self._changed(attempt.changes["arguments"])) == (
                self._shape_on_cpu(self.build)
            )
        except Exception:  # whatever a forward raises for widths it cannot have
            return False

    @cached_property
    def _names(self) -> set[str]:
        return set(self.goal.large.state_dict())

    @cached_property
    def _shape_on_meta(self) -> torch.Size | None:
        """Shape of the large network's logits; None if it cannot run without weights."""
        try:
            return logits_on_meta(self.goal.large, self.goal.image_shape).shape
        except (NotImplementedError, RuntimeError, ValueError):
            return None

    def _shape_on_cpu(self, build: Callable[[], nn.Module]) -> torch.Size:
        with seeded(0):
            network = build()
        with evaluating(network), torch.no_grad():
            return network(torch.zeros(2, *self.goal.image_shape)).shape
