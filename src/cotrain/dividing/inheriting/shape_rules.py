"""How channels go through elementwise functions, reductions, views and repetitions."""

from math import prod

from cotrain.dividing.inheriting.axis import Axis, grid
from cotrain.dividing.inheriting.step import Output, Step, rule
from cotrain.dividing.inheriting.tracing import Pair


def pointwise(step: Step) -> list[Output]:
    """Elementwise functions of one or more tensors, broadcast."""
    return [step.broadcast(*(label.axes for label in step.tensors()))]


def reduction(step: Step) -> list[Output]:
    """Sums, means, variances, maxima over some dimensions, or over all."""
    axes = step.axes("self")
    dims = step.same("dim") if "dim" in step.operation.arguments else None
    dims = range(len(axes)) if dims is None or dims == [] else dims
    over = {dim % len(axes) for dim in ([dims] if isinstance(dims, int) else dims)}
    keep = step.operation.arguments.get("keepdim", Pair(False, False)).large
    left = [Axis(1, 1) if d in over else axis for d, axis in enumerate(axes)]
    output = tuple(axis for d, axis in enumerate(left) if keep or d not in over)
    return [output] * len(step.operation.shapes)


@rule("_softmax", "_log_softmax", "_to_copy", "alias", "full_like", "hardswish", "zeros_like")
def unchanged(step: Step) -> list[Output]:
    """The dimensions stay as they are."""
    return [step.tensors()[0].axes]


@rule("full", "zeros", "ones")
def constant(step: Step) -> list[Output]:
    """The same number everywhere, so that any channels will do."""
    shape = step.operation.shapes[0] or Pair((), ())
    return [tuple(map(step.new, range(len(shape.large))))]


@rule("permute")
def permute(step: Step) -> list[Output]:
    """Dimensions in another order."""
    axes = step.axes("self")
    return [tuple(axes[dim] for dim in step.same("dims"))]


@rule("view", "_unsafe_view", "reshape", "unsqueeze", "squeeze", "as_strided")
def view(step: Step) -> list[Output]:
    """The same numbers in the same order, under another shape."""
    if step.operation.name == "aten.as_strided":
        _require_view(step)
    axes = [axis for axis in step.axes("self") if axis.sizes != (1, 1)]
    shape = step.operation.shapes[0] or Pair((), ())
    result = [Axis(*sizes) for sizes in zip(*shape, strict=True)]
    places = [place for place, axis in enumerate(result) if axis.sizes != (1, 1)]
    while axes and places:
        taken, filled = _equal_products(step, axes, places, result)
        if len(taken) == len(filled) == 1:
            result[filled[0]] = taken[0]
        else:
            step.tie(grid(taken), grid([result[place] for place in filled]))
    return [tuple(result)]


def _equal_products(
    step: Step, axes: list[Axis], places: list[int], result: list[Axis]
) -> tuple[list[Axis], list[int]]:
    """Take from the front as many dimensions before and after as hold the same numbers."""
    taken, filled = [axes.pop(0)], [places.pop(0)]
    while (before := _sizes(taken)) != (after := _sizes([result[place] for place in filled])):
        source, target = (axes, taken) if before < after else (places, filled)
        if not source:
            step.refuse(f"{step.axes('self')} become {result}")
        target.append(source.pop(0))  # type: ignore[arg-type]
    return taken, filled


def _sizes(axes: list[Axis]) -> tuple[int, int]:
    return prod(axis.large for axis in axes), prod(axis.small for axis in axes)


def _require_view(step: Step) -> None:
    """Exported graphs hold ``as_strided`` where a view would do: require just that."""
    for node in step.operation.nodes:
        values = node.meta["val"], node.args[0].meta["val"]
        if not all(value.is_contiguous() and not value.storage_offset() for value in values):
            step.refuse("its strides are not those of a view")


@rule("expand")
def expand(step: Step) -> list[Output]:
    """Dimensions of size 1 repeated; new ones in front."""
    shape = step.operation.shapes[0] or Pair((), ())
    new = tuple(map(step.new, range(len(shape.large))))
    axes = step.axes("self")
    old = (*[Axis(1, 1)] * (len(new) - len(axes)), *axes)
    return [tuple(b if a.sizes == (1, 1) else a for a, b in zip(old, new, strict=True))]


@rule("repeat")
def repeat(step: Step) -> list[Output]:
    """The whole tensor repeated along its dimensions; new ones in front."""
    axes = step.axes("self")
    repeats = list(zip(*step.pair("repeats"), strict=True))
    old = (*[Axis(1, 1)] * (len(repeats) - len(axes)), *axes)
    return [tuple(grid((Axis(*n), axis)) for n, axis in zip(repeats, old, strict=True))]


@rule("_assert_tensor_metadata")
def nothing(step: Step) -> list[Output]:
    """A check of types, without a result."""
    return []
