"""Numbers and tensors that a module keeps for itself, narrowed in place as its widths are."""

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor, nn

from cotrain.dividing.any_network.by_structure.attributes import (
    narrow_number,
    narrow_scale,
    narrow_shape,
)
from cotrain.dividing.any_network.by_structure.survey import Survey
from cotrain.dividing.any_network.by_structure.watching import Shape, heads_of
from cotrain.dividing.any_network.by_structure.width_map import WidthMap
from cotrain.networks.foreign.narrow.reshaping import reshape, set_attribute, settings
from cotrain.networks.foreign.vocabulary import is_rotary, may_be_scale, may_be_width

# A number of this size that is some layer's width, and read in a forward pass, is one.
_SURELY_WIDE = 16


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A module that is no known layer, and what is known when its own numbers are narrowed.

    Args:
        name: In the network.
        wide: The large network's module.
        narrow: The copy's, which is changed.
        found: Of the large network.
        widths: The narrow width of every large one.
        entering: Sizes of its input that have changed, and what they are now.
    """

    name: str
    wide: nn.Module
    narrow: nn.Module
    found: Survey
    widths: WidthMap
    entering: dict[int, int]

    @cached_property
    def heads(self) -> int:
        """Attention heads that it says it has."""
        return heads_of(self.wide)

    @cached_property
    def is_rotary(self) -> bool:
        """Whether it holds tables of rotary positions."""
        return is_rotary(type(self.wide).__name__)

    def width_inside(self, width: int) -> int | None:
        """The narrow width of one that enters the module or occurs in it; None of others."""
        if width in self.entering:
            return self.entering[width]
        if self.is_rotary:
            return self.rotated(width)
        return self.widths(width) if width in self.found.scopes[self.name] else None

    def width_anywhere(self, width: int) -> int | None:
        """As ``width_inside``; what is read as the network runs is a width wherever it is from."""
        is_wide = width >= _SURELY_WIDE or width in self.found.slices
        return self.width_inside(width) or (self._whole(width) if is_wide else None)

    def width_of_axis(self, width: int, shape: Shape) -> int | None:
        """The narrow width of one of a tensor's axes, or of all heads of such an axis."""
        known = width in shape or width in self.found.scopes[self.name]
        return self.entering.get(width) or (self._whole(width) if known else None)

    def split(self, sizes: Shape) -> int | None:
        """The narrow width of what the sizes are parts of."""
        whole = self._whole(sum(sizes))
        return whole if len(set(sizes)) > 1 or sizes in self.found.parts else None

    def rotated(self, width: int) -> int | None:
        """Tables of rotary positions are as wide as a head, twice or half as wide."""
        for size, whole in self.found.head_widths.items():
            if width in (2 * size, size, size // 2, size // 4):
                return width * self.widths(whole) // whole
        return None

    def _whole(self, width: int) -> int | None:
        return self.widths(width) if width in self.found.widths else None


def narrow_module(holder: Holder) -> None:
    """Give the module the narrow widths in its numbers, its tensors and its scales."""
    _narrow_numbers(holder)
    _narrow_tensors(holder)
    _narrow_scales(holder)


def _narrow_numbers(holder: Holder) -> None:
    reads = holder.found.reads.get(holder.name, ())
    for attribute, value in settings(holder.wide):
        if may_be_width(attribute) and not isinstance(value, float):
            widths = holder.width_anywhere if attribute in reads else holder.width_inside
            number = narrow_number(attribute, value, widths, holder.split, holder.heads)
            set_attribute(holder.narrow, attribute, number)


def _narrow_tensors(holder: Holder) -> None:
    wide = holder.wide
    others = [(name, each) for name, each in vars(wide).items() if isinstance(each, Tensor)]
    own = [*wide.named_parameters(recurse=False), *wide.named_buffers(recurse=False), *others]
    for name, tensor in own:
        if not tensor.is_floating_point():
            continue  # indices of positions
        shape = tuple(tensor.shape)
        narrow = narrow_shape(
            shape,
            holder.entering,
            lambda width, shape=shape: (
                holder.rotated(width) if holder.is_rotary else holder.width_of_axis(width, shape)
            ),
            holder.found.positions,
            holder.heads,
        )
        reshape(holder.narrow, name, narrow)


def _narrow_scales(holder: Holder) -> None:
    for attribute, value in settings(holder.wide):
        if isinstance(value, float) and may_be_scale(attribute):
            scale = narrow_scale(value, _scale_widths(holder))
            if scale is not None:
                set_attribute(holder.narrow, attribute, scale)


def _scale_widths(holder: Holder) -> list[tuple[int, int]]:
    """Widths that a scale may be a power of: its attributes, those of one head, of layers."""
    narrow, heads = dict(settings(holder.narrow)), holder.heads
    pairs = [
        (value, narrow[attribute])
        for attribute, value in settings(holder.wide)
        if isinstance(value, int) and value != narrow[attribute]
    ]
    for width in sorted(holder.found.scopes[holder.name]):
        new = holder.width_inside(width)
        if new is not None and width % heads == 0:
            pairs.append((width // heads, new // heads))
        if new is not None:
            pairs.append((width, new))
    return pairs
