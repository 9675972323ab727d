"""The channels of every parameter of a network, tied as its operations tie them."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.fx import Node

from cotrain.basics.errors import ConfigError

# Importing a module of rules registers them.
from cotrain.dividing.inheriting import cutting_rules, layer_rules, shape_rules  # noqa: F401
from cotrain.dividing.inheriting.axis import Axis, AxisError
from cotrain.dividing.inheriting.shape_rules import pointwise, reduction
from cotrain.dividing.inheriting.step import RULES, Label, Output, Rule, Step
from cotrain.dividing.inheriting.tracing import Input, trace

# Reductions that answer where a channel is, too.
_POSITIONS = ("aten.argmax", "aten.argmin", "aten.max", "aten.min")
# Arguments that are sizes, which the rules read.
_SHAPES = ("size", "sizes", "shape", "normalized_shape", "stride", "split_sizes")
_SIZES = frozenset((*_SHAPES, "start", "end", "pad", "repeats", "groups", "group", "C"))
# Rearrangements whose result is still the parameter itself.
_REARRANGEMENTS = ("aten.permute", "aten.view", "aten.unsqueeze", "aten.squeeze", "aten.alias")


@dataclass(frozen=True, kw_only=True)
class Channels:
    """Which channels the tensors of a large and of a small network have in common.

    Args:
        axes: By name in the state dict, an axis for each dimension.
        summed: By parameter, the axis of it that its layer sums over.
    """

    axes: dict[str, tuple[Axis, ...]]
    summed: dict[str, Axis]


def label_channels(large: nn.Module, small: nn.Module, image_shape: Sequence[int]) -> Channels:
    """Follow the channels of both networks through one image of shape [C, H, W].

    Raises:
        ConfigError: The networks do not do the same, or an operation cannot be followed.
    """
    traced = trace(large, small, image_shape)
    labels: dict[Node, tuple[Node, tuple[Label | None, ...]]] = {}
    axes: dict[str, tuple[Axis, ...]] = {}
    summed: dict[str, Axis] = {}
    for start in traced.inputs:
        label = Label(axes=_axes_of(start), source=start.name if start.is_stored else "")
        labels[start.nodes.large] = start.nodes.small, (label,)
        if start.is_stored:
            axes[start.name] = label.axes
    for operation in traced.operations:
        step = Step(operation=operation, labels=labels, summed=summed)
        labels[operation.nodes.large] = operation.nodes.small, _outputs(step)
    return Channels(axes=axes, summed=summed)


def _axes_of(start: Input) -> tuple[Axis, ...]:
    try:
        axes = tuple(Axis(*sizes) for sizes in zip(*start.shape, strict=True))
    except (AxisError, ValueError):
        raise ConfigError(
            f"{start.name}: its shape {list(start.shape.large)} would become "
            f"{list(start.shape.small)}, but a small network may only be narrower: "
            "initialise the networks fresh"
        ) from None
    if not (start.is_stored or start.is_uniform or all(axis.is_fixed for axis in axes)):
        raise ConfigError(
            f"{start.name}: a constant of the network depends on its width: "
            "initialise the networks fresh"
        )
    return axes


def _outputs(step: Step) -> tuple[Label | None, ...]:
    operation = step.operation
    if operation.target is operator.getitem:
        return (step.label_of(step.pair("self"), step.same("index")),)
    try:
        outputs = _dimensions(step)
    except AxisError as reason:
        step.refuse(str(reason))
    _check(step, outputs)
    source = step.tensors()[0].source if operation.name in _REARRANGEMENTS else ""
    missing = len(operation.shapes) - len(outputs)
    return (*(Label(axes=axes, source=source) for axes in outputs), *[None] * missing)


def _dimensions(step: Step) -> list[Output]:
    """By a rule; without one if all channels are kept before and after."""
    divided = any(not axis.is_fixed for label in step.tensors() for axis in label.axes)
    shapes = [shape for shape in step.operation.shapes if shape is not None]
    if divided or any(shape.large != shape.small for shape in shapes):
        step.require_same(but=_SIZES)
        return _rule_of(step)(step)
    step.require_same()
    return [
        () if shape is None else tuple(Axis(size, size) for size in shape.large)
        for shape in step.operation.shapes
    ]


def _rule_of(step: Step) -> Rule:
    operation = step.operation
    if operation.name in RULES:
        return RULES[operation.name]
    if torch.Tag.pointwise in operation.target.tags:
        return pointwise
    if torch.Tag.reduction not in operation.target.tags or operation.name in _POSITIONS:
        step.refuse("it is not known")
    return reduction


def _check(step: Step, outputs: list[Output]) -> None:
    """Our own rules must give dimensions of the sizes that the graphs have."""
    for axes, shape in zip(outputs, step.operation.shapes, strict=False):
        if shape is not None and [a.sizes for a in axes] != list(zip(*shape, strict=True)):
            step.refuse(f"{axes} instead of {list(shape.large)} and {list(shape.small)}")
