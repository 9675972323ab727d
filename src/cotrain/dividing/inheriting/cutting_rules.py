"""How channels go through operations that join, cut, pad or index tensors."""

from itertools import islice

from torch.fx import Node

from cotrain.dividing.inheriting.axis import Axis, AxisError, chain
from cotrain.dividing.inheriting.step import Output, Step, rule
from cotrain.dividing.inheriting.tying import cut


@rule("cat")
def concatenate(step: Step) -> list[Output]:
    """Tensors one behind the other along a dimension."""
    tensors = [label.axes for label in step.tensors()]
    dim = step.dimension(of=len(tensors[0]))
    others = ((*axes[:dim], Axis(1, 1), *axes[dim + 1 :]) for axes in tensors)
    result = list(step.broadcast(*others))
    result[dim] = chain([axes[dim] for axes in tensors])
    return [tuple(result)]


@rule("slice")
def slices(step: Step) -> list[Output]:
    """From ``start`` up to ``end`` along a dimension."""
    axes = list(step.axes("self"))
    dim = step.dimension(of=len(axes))
    axis = axes[dim]
    bounds = [
        slice(start, end).indices(size)[:2]
        for start, end, size in zip(step.pair("start"), step.pair("end"), axis.sizes, strict=True)
    ]
    if axis.is_fixed and bounds[0] == bounds[1]:
        axes[dim] = step.new(dim)
        return [tuple(axes)]
    if step.same("step") != 1:
        step.refuse("not every channel is taken")
    before = [start for start, _ in bounds]
    taken = [end - start for start, end in bounds]
    axes[dim] = _pieces(step, axis, [before, taken])[1]
    return [tuple(axes)]


@rule("split_with_sizes")
def split(step: Step) -> list[Output]:
    """Pieces of given lengths along a dimension."""
    axes = step.axes("self")
    dim = step.dimension(of=len(axes))
    lengths = list(zip(*step.pair("split_sizes"), strict=True))
    pieces = _pieces(step, axes[dim], lengths)
    return [(*axes[:dim], piece, *axes[dim + 1 :]) for piece in pieces]


def _pieces(step: Step, axis: Axis, lengths: list) -> list[Axis]:
    pieces = []
    for large, small in lengths:
        try:
            piece, axis = cut(axis, large, small)
        except AxisError as reason:
            step.refuse(str(reason))
        pieces.append(piece)
    return pieces


@rule("select")
def select(step: Step) -> list[Output]:
    """One place along a dimension, which is dropped."""
    axes = step.axes("self")
    dim = step.dimension(of=len(axes))
    step.require_fixed(axes[dim])
    step.same("index")
    return [(*axes[:dim], *axes[dim + 1 :])]


@rule("constant_pad_nd")
def pad(step: Step) -> list[Output]:
    """A constant before and after, from the last dimension on: also channels of zeros."""
    axes = list(step.axes("self"))
    pads = iter(zip(*step.pair("pad"), strict=True))
    for dim in reversed(range(len(axes))):
        before, after = tuple(islice(pads, 2)) or ((0, 0), (0, 0))
        if axes[dim].is_fixed and before[0] == before[1] and after[0] == after[1]:
            axes[dim] = step.new(dim)
        elif min(*before, *after) < 0:
            step.refuse("channels are cropped")
        else:
            axes[dim] = chain([Axis(*before), axes[dim], Axis(*after)])
    return [tuple(axes)]


@rule("roll", "flip")
def moved(step: Step) -> list[Output]:
    """Along some dimensions, places move."""
    axes = step.axes("self")
    step.require_fixed(*(axes[dim] for dim in step.same("dims")))
    return [axes]


@rule("index_select")
def index_select(step: Step) -> list[Output]:
    """Some places along a dimension."""
    axes = list(step.axes("self"))
    dim = step.dimension(of=len(axes))
    step.require_fixed(axes[dim])
    axes[dim] = step.new(dim)
    return [tuple(axes)]


@rule("index")
def index(step: Step) -> list[Output]:
    """Some places along neighbouring dimensions, given by index tensors."""
    axes = step.axes("self")
    given = step.operation.arguments["indices"]
    places = [place for place, pair in enumerate(given) if isinstance(pair.large, Node)]
    step.require_fixed(*(axes[place] for place in places))
    first, last = places[0], places[-1]
    if len(places) != last - first + 1:
        step.require_fixed(*axes)
    found = step.broadcast(*(step.label_of(given[place]).axes for place in places))
    return [(*axes[:first], *found, *axes[last + 1 :])]
