"""One operation with the channels of what goes into it: all that a rule gets to see."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from torch.fx import Node

from cotrain.basics.errors import ConfigError
from cotrain.dividing.inheriting.axis import Axis, AxisError
from cotrain.dividing.inheriting.tracing import Operation, Pair
from cotrain.dividing.inheriting.tying import tie


@dataclass(frozen=True, kw_only=True)
class Label:
    """A tensor's dimensions.

    Args:
        axes: One for each dimension.
        source: The parameter it is a mere rearrangement of; empty otherwise.
    """

    axes: tuple[Axis, ...]
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Step:
    """An operation, and the labels of the tensors before it.

    Args:
        operation: What is done.
        labels: Of all nodes of the large network's graph so far: the partner in the small
            network's graph, and a label for each output.
        summed: Receives, by parameter, the axis that a layer sums over.
    """

    operation: Operation
    labels: Mapping[Node, tuple[Node, tuple[Label | None, ...]]]
    summed: dict[str, Axis] = field(default_factory=dict)

    def refuse(self, reason: str) -> NoReturn:
        """Raise the error that names the layer and the operation."""
        raise ConfigError(
            f"{self.operation.place}: which channels to keep cannot be followed through "
            f"{self.operation.name} ({reason}): initialise the networks fresh"
        )

    def label(self, name: str) -> Label:
        """The label of a tensor argument."""
        return self.label_of(self.operation.arguments[name])

    def label_of(self, pair: Pair, output: int = 0) -> Label:
        """The label of one output of a node."""
        partner, labels = self.labels[pair.large]
        label = labels[output]
        if partner is not pair.small or label is None:
            self.refuse(f"{pair.large} is not the same in the small network")
        return label

    def axes(self, name: str) -> tuple[Axis, ...]:
        """The dimensions of a tensor argument."""
        return self.label(name).axes

    def has(self, name: str) -> bool:
        """Whether an optional tensor argument is given."""
        argument = self.operation.arguments.get(name)
        return isinstance(argument, Pair) and isinstance(argument.large, Node)

    def tensors(self) -> list[Label]:
        """The labels of all tensor arguments, in order."""
        found = []
        for argument in self.operation.arguments.values():
            for pair in argument if isinstance(argument, list) else [argument]:
                if isinstance(pair, Pair) and isinstance(pair.large, Node):
                    found.append(self.label_of(pair))
        return found

    def pair(self, name: str) -> Pair:
        """An argument's values in the two networks."""
        return self.operation.arguments[name]

    def same(self, name: str) -> Any:
        """An argument that must be equal in both networks, such as a dimension."""
        large, small = self.pair(name)
        if large != small:
            self.refuse(f"its {name} is {large} and, in the small network, {small}")
        return large

    def dimension(self, name: str = "dim", *, of: int) -> int:
        """A dimension argument, counted from 0, of a tensor with ``of`` dimensions."""
        return self.same(name) % of

    def new(self, dim: int, output: int = 0) -> Axis:
        """A new axis of the size that the output has there."""
        shape = self.operation.shapes[output]
        if shape is None:
            self.refuse("its output is no tensor")
        return Axis(shape.large[dim], shape.small[dim])

    def require_same(self, *, but: frozenset[str] = frozenset()) -> None:
        """Refuse settings that differ, other than those named; factors and the like may differ."""
        for name, argument in self.operation.arguments.items():
            if name not in but and not self._is_tensor(argument):
                large, small = argument
                if large != small and not (isinstance(large, float) or isinstance(small, float)):
                    self.same(name)

    def _is_tensor(self, argument: Any) -> bool:
        return isinstance(argument, list) or isinstance(argument.large, Node)

    def require_fixed(self, *axes: Axis) -> None:
        """Refuse where only some channels are kept along an axis."""
        if divided := [axis for axis in axes if not axis.is_fixed]:
            self.refuse(f"it mixes or reorders channels of which only some are kept: {divided}")

    def tie(self, one: Axis, other: Axis) -> None:
        """Make two dimensions keep the same channels."""
        try:
            tie(one, other)
        except AxisError as reason:
            self.refuse(str(reason))

    def tie_vector(self, name: str, axis: Axis) -> None:
        """Tie an optional parameter of one dimension."""
        if self.has(name):
            self.tie(self.axes(name)[0], axis)

    def broadcast(self, *operands: tuple[Axis, ...]) -> tuple[Axis, ...]:
        """The dimensions of an elementwise result, the operands' dimensions tied."""
        result = [Axis(1, 1)] * max(map(len, operands))
        for axes in operands:
            for dim, axis in enumerate(axes, len(result) - len(axes)):
                if result[dim].large == 1:
                    result[dim] = axis
                elif axis.large > 1:
                    self.tie(result[dim], axis)
        return tuple(result)

    def sum_over(self, *factors: tuple[Label, Axis]) -> None:
        """Tie what a product is summed over, and note it for the one that is a parameter."""
        for label, axis in factors:
            self.tie(axis, factors[0][1])
            if label.source:
                self.summed.setdefault(label.source, axis)


Output = tuple[Axis, ...]
Rule = Callable[[Step], list[Output]]
RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Register how channels go through ATen operations: the dimensions of each output."""

    def register(function: Rule) -> Rule:
        RULES.update({f"aten.{name}": function for name in names})
        return function

    return register
