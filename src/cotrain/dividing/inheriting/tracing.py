"""A large and a small network as one list of tensor operations, walked side by side.

Both are exported as graphs of core ATen operations in evaluation mode. They must do the same, one
operation after the other; only sizes and scales may differ.
"""

import operator
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind
from torch.fx import Node

from cotrain.basics.errors import ConfigError
from cotrain.networks.evaluating import evaluating


class Pair(NamedTuple):
    """One argument of an operation in the large and in the small network."""

    large: Any
    small: Any


@dataclass(frozen=True, kw_only=True)
class Operation:
    """The same operation in both networks.

    Args:
        place: The layer it is in, for messages.
        target: The ATen overload, or ``operator.getitem``.
        nodes: It in both graphs.
        arguments: By name: a ``Pair``, or a list of them; nodes come in pairs too.
        shapes: Of each output (None where an output is no tensor).
    """

    place: str
    target: Any
    nodes: Pair
    arguments: dict[str, Any]
    shapes: tuple[Pair | None, ...]

    @property
    def name(self) -> str:
        """Such as ``aten.cat``."""
        return str(getattr(self.target, "overloadpacket", self.target))


@dataclass(frozen=True, kw_only=True)
class Input:
    """A parameter, buffer, constant or image that the graphs start from.

    Args:
        name: In the state dict; empty for the images.
        nodes: It in both graphs.
        shape: Its shapes.
        is_stored: Whether it is part of the state dict.
        is_uniform: Whether it is a constant that holds the same number everywhere.
    """

    name: str
    nodes: Pair
    shape: Pair
    is_stored: bool
    is_uniform: bool


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What two networks of the same structure start from, and what they do, in order."""

    inputs: tuple[Input, ...]
    operations: tuple[Operation, ...]


def trace(large: nn.Module, small: nn.Module, image_shape: Sequence[int]) -> Trace:
    """Both networks' operations side by side, for one image of shape [C, H, W].

    Raises:
        ConfigError: One cannot be exported, or they do not do the same.
    """
    programs = Pair(*(_export(network, image_shape) for network in (large, small)))
    pairs = list(_paired(programs))
    _require_same_outputs(programs)
    specs = programs.large.graph_signature.input_specs
    inputs = [p for p in pairs if p.large.op == "placeholder"]
    return Trace(
        inputs=tuple(
            _input(nodes, spec, programs) for nodes, spec in zip(inputs, specs, strict=True)
        ),
        operations=tuple(_operation(p) for p in pairs if p.large.op == "call_function"),
    )


def _export(network: nn.Module, image_shape: Sequence[int]) -> ExportedProgram:
    tensor = next(network.parameters())
    images = torch.zeros(1, *image_shape, dtype=tensor.dtype, device=tensor.device)
    try:
        with evaluating(network), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.export.export(network, (images,), strict=False).run_decompositions()
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(
            f"{type(network).__name__} cannot be exported as a graph of operations ({reason}): "
            "initialise the networks fresh"
        ) from error


def _paired(programs: Pair) -> Iterator[Pair]:
    graphs = (program.graph_module.graph.nodes for program in programs)
    for large, small in zip_longest(*graphs):
        if large is None or small is None or (large.op, large.target) != (small.op, small.target):
            node = small if large is None else large
            raise ConfigError(
                f"{_place(node)}: the small network does not do what the large one does there "
                f"({node}): give networks of the same layers, or initialise them fresh"
            )
        yield Pair(large, small)


def _require_same_outputs(programs: Pair) -> None:
    """Classes must not be taken for channels of which some can be dropped."""
    large, small = (
        [tuple(node.meta["val"].shape) for node in program.graph_module.graph.output_node().args[0]]
        for program in programs
    )
    if large != small:
        raise ConfigError(
            f"the large network gives outputs of shape {large}, the small one of {small}: "
            "give networks of the same classes"
        )


def _place(node: Any) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    path = list(stack.values())[-1][0] if stack else ""
    return f"layer {path}" if path else "the network's forward"


def _input(nodes: Pair, spec: Any, programs: Pair) -> Input:
    stored = spec.kind is InputKind.PARAMETER or (spec.kind is InputKind.BUFFER and spec.persistent)
    constants = [program.constants.get(spec.target) for program in programs]
    return Input(
        name=spec.target or "",
        nodes=nodes,
        shape=_shapes(nodes)[0] or Pair((), ()),
        is_stored=stored,
        is_uniform=all(isinstance(c, Tensor) and len(c.unique()) == 1 for c in constants),
    )


def _operation(nodes: Pair) -> Operation:
    target = nodes.large.target
    large, small = (_arguments(node) for node in nodes)
    return Operation(
        place=_place(nodes.large),
        target=target,
        nodes=nodes,
        arguments={name: _pair(large[name], small[name]) for name in large},
        shapes=_shapes(nodes),
    )


def _arguments(node: Node) -> dict[str, Any]:
    if node.target is operator.getitem:
        return dict(zip(("self", "index"), node.args, strict=True))
    schema = node.target._schema.arguments  # type: ignore[union-attr]
    given = dict(zip((a.name for a in schema), node.args, strict=False)) | node.kwargs
    return {a.name: given.get(a.name, a.default_value) for a in schema}


def _pair(large: Any, small: Any) -> Any:
    if isinstance(large, list | tuple) and any(isinstance(item, Node) for item in large):
        return [_pair(*items) for items in zip(large, small, strict=True)]
    return Pair(large, small)


def _shapes(nodes: Pair) -> tuple[Pair | None, ...]:
    values = Pair(*(_as_tuple(node.meta.get("val")) for node in nodes))
    return tuple(
        Pair(tuple(large.shape), tuple(small.shape)) if isinstance(large, Tensor) else None
        for large, small in zip(*values, strict=True)
    )


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,)
