"""What is known of the large network before it is narrowed: its widths, and where they are used."""

from dataclasses import dataclass
from functools import cached_property
from math import lcm
from typing import Any

from torch import nn

from cotrain.dividing.any_network.by_structure.layers import Widths, group_quantum, layer_widths
from cotrain.dividing.any_network.by_structure.watching import (
    PartsWatched,
    Shape,
    entering_watched,
    first_tensor,
    heads_of,
    reads_watched,
    run,
)
from cotrain.dividing.any_network.by_structure.width_map import FEWEST, WidthMap, related_quanta
from cotrain.networks.foreign.vocabulary import is_rotary


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The large network, and what one forward pass of it showed.

    Args:
        large: The large network, unchanged.
        image_shape: [C, H, W].
        layers: Widths by name, of the layers known in ``layers.py``.
        inputs: Shape of each module's first input, by name, in the order of execution.
        outputs: Shape of the network's (first) outputs.
        reads: Attributes that a module's own forward read, by name.
        classes: Layers whose outputs are the classes.
        scopes: Widths that occur inside a module or enter it, by name.
        positions: Sizes of the axes of images and of sequences of tokens.
        head_widths: Width of one head, and of all heads, of attention over known layers.
        parts: Sizes that were split or concatenated.
        slices: Parts that are sliced off widths, and what is left.
        sums: Widths that are split into, or concatenated of, unequal parts.
        quanta: What each width must stay a multiple of.
    """

    large: nn.Module
    image_shape: Shape
    layers: dict[str, Widths]
    inputs: dict[str, Shape]
    outputs: Shape
    reads: dict[str, set[str]]
    classes: frozenset[str]
    scopes: dict[str, frozenset[int]]
    positions: frozenset[int]
    head_widths: dict[int, int]
    parts: frozenset[Shape]
    slices: frozenset[int]
    sums: dict[int, tuple[int, ...]]
    quanta: dict[int, int]

    @property
    def all_widths(self) -> frozenset[int]:
        """As ``widths``, with those of layers that follow their inputs."""
        others = (each.leaving for name, each in self.layers.items() if name not in self.classes)
        return self.widths | frozenset(others)

    @cached_property
    def widths(self) -> frozenset[int]:
        """All widths that layers choose, but the classes, and those that slices take of them."""
        return self.slices | frozenset(
            each.leaving
            for name, each in self.layers.items()
            if each.chooses and name not in self.classes
        )

    def width_map(self, multiplier: float, **options: Any) -> WidthMap:
        """f for this network, with further arguments of ``WidthMap``."""
        return WidthMap(multiplier=multiplier, quanta=self.quanta, sums=self.sums, **options)

    def changes_of_input(self, name: str, shape: Shape | None) -> dict[int, int]:
        """Sizes of a module's input that are others in ``shape``, and what they are there."""
        before = self.inputs.get(name)
        if shape is None or before is None or len(shape) != len(before):
            return {}
        return {old: new for old, new in zip(before, shape, strict=True) if old != new}


def survey(large: nn.Module, image_shape: Shape) -> Survey:
    """Run the large network once, watching the shapes and what attributes are read."""
    modules = dict(large.named_modules())
    inputs: dict[str, Shape] = {}

    def note(name: str, _: nn.Module, shapes: list[Shape]) -> None:
        inputs.setdefault(name, shapes[0])
        watched.place = name

    watched = PartsWatched(modules)
    with reads_watched(large) as reads, entering_watched(large, note), watched:
        outputs = run(large, image_shape)
    layers = {}
    for name, module in modules.items():
        found = layer_widths(module, inputs.get(name, ()))
        if found:
            layers[name] = found
    chosen = frozenset(each.leaving for each in layers.values() if each.chooses)
    slices = frozenset(
        size
        for part in watched.slices
        if sum(part) in chosen
        for size in part
        if size * 16 >= sum(part)
    )
    return Survey(
        large=large,
        image_shape=image_shape,
        layers=layers,
        inputs=inputs,
        outputs=tuple(first_tensor(outputs).shape),
        reads={name: names for name, names in reads.items() if name not in layers},
        classes=_class_layers(layers, inputs, first_tensor(outputs).shape[-1]),
        scopes={name: _scope(name, layers, inputs) for name in modules},
        positions=_positions(inputs.values()),
        head_widths=_head_widths(modules, layers),
        parts=frozenset(watched.parts),
        slices=slices,
        sums=_sums(watched.parts, chosen | slices),
        quanta=_quanta(modules, layers, watched),
    )


def _class_layers(
    layers: dict[str, Widths], inputs: dict[str, Shape], classes: int
) -> frozenset[str]:
    """Layers with as many outputs as classes, after all layers that have others or never run."""
    order = [name for name in inputs if name in layers and layers[name].chooses]
    found = {name for name in layers if name not in inputs and layers[name].leaving == classes}
    for name in reversed(order):
        if layers[name].leaving != classes:
            break
        found.add(name)
    return frozenset(found)


def _scope(name: str, layers: dict[str, Widths], inputs: dict[str, Shape]) -> frozenset[int]:
    prefix = f"{name}." if name else ""
    inside = [each for own, each in layers.items() if own.startswith(prefix)]
    sizes = {size for each in inside for size in (each.entering, each.leaving)}
    shape = inputs.get(name, ())
    sizes |= {shape[1], shape[-1]} if len(shape) > 2 else set(shape[1:])
    return frozenset(size for size in sizes if size >= FEWEST)


def _positions(shapes: Any) -> frozenset[int]:
    images = {shape[2:] for shape in shapes if len(shape) == 4 and shape[2] == shape[3]}
    return frozenset(size for height, width in images for size in (height, width, height * width))


def _sums(parts: set[Shape], known: frozenset[int]) -> dict[int, tuple[int, ...]]:
    """Widths that have unequal parts, all of them widths, in one way only."""
    found: dict[int, set[Shape]] = {}
    for sizes in parts:
        large = [size for size in sizes if size * 16 >= sum(sizes)]
        if sum(sizes) in known and len(set(sizes)) > 1 and known.issuperset(large):
            found.setdefault(sum(sizes), set()).add(tuple(sorted(sizes)))
    return {whole: ways.pop() for whole, ways in found.items() if len(ways) == 1}


def _head_widths(modules: dict[str, nn.Module], layers: dict[str, Widths]) -> dict[int, int]:
    found: dict[int, int] = {}
    for name, widths in layers.items():
        heads = heads_of(modules[name.rpartition(".")[0]])
        if heads > 1 and widths.entering % heads == 0:
            found.setdefault(widths.entering // heads, widths.entering)
    return found


def _quanta(
    modules: dict[str, nn.Module], layers: dict[str, Widths], watched: PartsWatched
) -> dict[int, int]:
    found: dict[int, int] = {}
    known = {each.leaving for each in layers.values() if each.chooses}
    multiples = [
        (sizes[0], sum(sizes))
        for sizes in watched.parts
        if sum(sizes) in known and len(set(sizes)) == 1
    ]

    def require(width: int, quantum: int) -> None:
        if quantum > 1 and width % quantum == 0:
            found[width] = lcm(found.get(width, 1), quantum)

    for whole in watched.slices:
        if sum(whole) in known:
            for size in whole:
                require(size, watched.heads.get(size, 1))
    # Rotations turn pairs of two axes' channels.
    unit = 4 if any(is_rotary(type(each).__name__) for each in modules.values()) else 1
    for name, widths in layers.items():
        module: Any = modules[name]
        heads = heads_of(modules[name.rpartition(".")[0]])
        if isinstance(module, nn.MultiheadAttention):
            heads = module.num_heads
        groups = getattr(module, "num_groups", getattr(module, "groups", 1))
        if widths.chooses or isinstance(module, nn.GroupNorm):
            for width in (widths.entering, widths.leaving):
                if groups > 1:
                    require(width, group_quantum(module, width, groups))
        if heads > 1:
            require(widths.leaving, heads * unit)
            require(widths.entering, heads)
            ratio, rest = divmod(widths.leaving, widths.entering)
            if not rest and 1 < ratio <= 4 and widths.leaving % heads == 0:
                multiples.append((widths.entering, widths.leaving))
    return related_quanta(found, multiples)
