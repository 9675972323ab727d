"""Narrow a copy of the large network while one forward pass shows what enters every layer."""

from copy import deepcopy
from typing import Any

from torch import Tensor, nn

from cotrain.dividing.any_network.by_structure.attributes import (
    is_scale,
    is_width,
    narrow_number,
    narrow_scale,
    narrow_shape,
)
from cotrain.dividing.any_network.by_structure.layers import narrow_layer
from cotrain.dividing.any_network.by_structure.survey import Survey
from cotrain.dividing.any_network.by_structure.watching import (
    Shape,
    entering_watched,
    first_tensor,
    heads_of,
    is_rotary,
    run,
)
from cotrain.dividing.any_network.by_structure.width_map import WidthMap
from cotrain.networks.foreign.narrow.reshaping import (
    reshape,
    set_attribute,
    settings,
    share,
    shared_parameters,
    tensors,
)

# A number of this size that is some layer's width, and read in a forward pass, is one.
_SURELY_WIDE = 16


class MisfitError(ValueError):
    """The narrowed network does not run; ``place`` is the module it came to, of ``progress``."""

    def __init__(self, place: str, progress: int, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place, self.progress, self.reason = place, progress, reason


class Narrower:
    """Makes one copy of the large network narrower, again and again."""

    def __init__(self, found: Survey) -> None:
        self.survey = found
        self.network = deepcopy(found.large)
        self._wide = dict(found.large.named_modules())
        self._pairs = {
            name: (self._wide[name], module) for name, module in self.network.named_modules()
        }
        self._tensors = list(tensors(found.large))
        # Layers whose inputs are as many as before, and their outputs narrower nevertheless.
        self.free: set[str] = set()
        self._kept: list[str] = []
        self._map = WidthMap(multiplier=1.0)
        self._changed = False
        self._entered: dict[str, None] = {}

    def narrow(self, width_map: WidthMap) -> nn.Module:
        """The narrowed copy, the same object at every call.

        Raises:
            MisfitError: It does not run, or gives outputs of another shape.
        """
        self._map, self._changed, self._entered, self._kept = width_map, False, {}, []
        for name in self._pairs:
            self._adapt(name, None)
        with entering_watched(self.network, self._on_entering):
            try:
                outputs = run(self.network, self.survey.image_shape)
            except Exception as error:  # a network's own code may fail in any way
                raise self._misfit(str(error).strip().splitlines()) from error
        share(self.network, shared_parameters(self.survey.large))
        return self._checked(outputs)

    def free_kept(self, place: str) -> bool:
        """Let layers that were kept in the last run be narrower: those at or beside ``place``.

        Returns:
            False if there are none.
        """
        parent = place.rpartition(".")[0]
        beside = {n for n in self._kept if n == place or n.rpartition(".")[0] == parent}
        beside -= self.free
        self.free |= beside
        return bool(beside)

    def free_all(self) -> None:
        """Let all layers that were kept in the last run be narrower."""
        self.free |= set(self._kept)

    def _checked(self, outputs: Any) -> nn.Module:
        shape, wide = tuple(first_tensor(outputs).shape), self.survey.outputs
        if shape != wide:
            raise self._misfit([f"outputs {list(shape)}, not {list(wide)}"])
        return self.network

    def _misfit(self, lines: list[str]) -> MisfitError:
        place = next(reversed(self._entered), "")
        return MisfitError(place, len(self._entered), lines[0] if lines else "fails")

    def _on_entering(self, name: str, _: nn.Module, shapes: list[Shape]) -> None:
        if name not in self._entered:
            self._adapt(name, shapes[0])
            self._entered[name] = None

    def _adapt(self, name: str, shape: Shape | None) -> None:
        if name in self.survey.layers:
            self._adapt_layer(name, shape)
        elif not _inside_layer(name, self.survey.layers):
            self._adapt_module(name, shape)

    def _adapt_layer(self, name: str, shape: Shape | None) -> None:
        widths = self.survey.layers[name]
        wide, layer = self._pairs[name]
        entering = self._map(widths.entering) if shape is None else shape[widths.axis]
        leaving = self._map(widths.leaving) if widths.chooses else entering
        if name in self.survey.classes or (
            shape is not None and self._mixes_positions(name, entering)
        ):
            leaving = widths.leaving
            self._kept.append(name)
        try:
            narrow_layer(wide, layer, entering, leaving)
        except ValueError as error:
            if shape is not None:
                raise MisfitError(name, len(self._entered), str(error)) from error
        if shape is not None and widths.chooses and leaving != widths.leaving:
            self._changed = True

    def _gives_heads(self, name: str) -> bool:
        """Whether a layer gives one number for each head of a module around it."""
        leaving = self.survey.layers[name].leaving
        while name:
            name = name.rpartition(".")[0]
            if heads_of(self._pairs[name][0]) == leaving > 1:
                return True
        return False

    def _mixes_positions(self, name: str, entering: int) -> bool:
        """Whether a layer's inputs are no channels: unchanged where channels are narrower now."""
        widths = self.survey.layers[name]
        return (
            self._changed
            and entering == widths.entering != self._map(widths.entering)
            and entering != self.survey.image_shape[0]
            and widths.chooses
            and name not in self.free
        )

    def _adapt_module(self, name: str, shape: Shape | None) -> None:
        wide, module = self._pairs[name]
        scope, heads = self.survey.scopes[name], heads_of(wide)
        entering = self._entering(name, shape)

        rotary = is_rotary(wide)

        def widths(width: int) -> int | None:
            if width in entering:
                return entering[width]
            if rotary:
                return self._rotated(width)
            return self._map(width) if width in scope else None

        for attribute, value in settings(wide):
            if is_width(attribute) and not isinstance(value, float):
                # What is read as the network runs is a width wherever it comes from.
                read = attribute in self.survey.reads.get(name, ())
                own = self._any_width(widths) if read else widths
                narrow = narrow_number(attribute, value, own, self._split, heads)
                set_attribute(module, attribute, narrow)
        own = [(n, t) for n, t in vars(wide).items() if isinstance(t, Tensor)]
        for own_name, tensor in [
            *wide.named_parameters(recurse=False),
            *wide.named_buffers(recurse=False),
            *own,
        ]:
            if not tensor.is_floating_point():
                continue  # indices of positions
            extra = frozenset(tensor.shape) | scope
            shape_ = narrow_shape(
                tuple(tensor.shape),
                entering,
                self._rotated if rotary else self._width_in(extra, entering),
                self.survey.positions,
                heads,
            )
            reshape(module, own_name, shape_)
        self._adapt_scales(name, widths, heads)

    def _rotated(self, width: int) -> int | None:
        """Tables of rotary positions are as wide as a head, twice or half as wide."""
        for size, whole in self.survey.head_widths.items():
            if width in (2 * size, size, size // 2, size // 4):
                return width * self._map(whole) // whole
        return None

    def _any_width(self, widths: Any) -> Any:
        return lambda v: (
            widths(v) or (self._whole(v) if v >= _SURELY_WIDE or v in self.survey.slices else None)
        )

    def _split(self, sizes: tuple[int, ...]) -> int | None:
        whole = self._whole(sum(sizes))
        return whole if len(set(sizes)) > 1 or sizes in self.survey.parts else None

    def _whole(self, width: int) -> int | None:
        return self._map(width) if width in self.survey.widths else None

    def _width_in(self, scope: frozenset[int], entering: dict[int, int]) -> Any:
        known = self.survey.widths
        return lambda v: entering.get(v) or (self._map(v) if v in scope and v in known else None)

    def _entering(self, name: str, shape: Shape | None) -> dict[int, int]:
        before = self.survey.inputs.get(name)
        if shape is None or before is None or len(shape) != len(before):
            return {}
        return {old: new for old, new in zip(before, shape, strict=True) if old != new}

    def _adapt_scales(self, name: str, widths: Any, heads: int) -> None:
        wide, module = self._pairs[name]
        for attribute, value in settings(wide):
            if isinstance(value, float) and is_scale(attribute):
                scale = narrow_scale(value, self._scale_widths(name, widths, heads))
                if scale is not None:
                    set_attribute(module, attribute, scale)

    def _scale_widths(self, name: str, widths: Any, heads: int) -> list[tuple[int, int]]:
        """Widths that a scale may be a power of: its attributes, those of one head, of layers."""
        wide, module = self._pairs[name]
        narrow = dict(settings(module))
        pairs = [
            (value, narrow[attribute])
            for attribute, value in settings(wide)
            if isinstance(value, int) and value != narrow[attribute]
        ]
        for width in sorted(self.survey.scopes[name]):
            new = widths(width)
            if new is not None and width % heads == 0:
                pairs.append((width // heads, new // heads))
            if new is not None:
                pairs.append((width, new))
        return pairs


def _inside_layer(name: str, layers: Any) -> bool:
    """Whether a module is a part of a layer that is narrowed as a whole."""
    parent = name.rpartition(".")[0]
    return bool(name) and (parent in layers or (bool(parent) and _inside_layer(parent, layers)))
