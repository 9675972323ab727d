"""Which arguments of a network's constructor are widths, and what smaller ones go together."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import gcd, lcm
from typing import Any

from cotrain.networks.foreign.narrow.arguments import Path, leaves
from cotrain.networks.foreign.vocabulary import Meaning, is_per_width, meaning_of


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """One number among a constructor's arguments.

    Args:
        path: Where it is.
        value: The large network's.
        meaning: What its name says it is (``meaning_of``).
    """

    path: Path
    value: int | float
    meaning: Meaning

    @property
    def name(self) -> Path:
        """The path without places in lists: what the elements of a list have in common."""
        return tuple(key for key in self.path if isinstance(key, str))


def width_leaves(arguments: Mapping[str, Any], image_channels: int) -> list[Leaf]:
    """The arguments that dividing may change, by their names."""
    found = []
    for path, value in leaves(arguments):
        keys = [key for key in path if isinstance(key, str)]
        meaning = meaning_of(keys[-1], value) if keys and value > 0 else None
        # ``num_channels`` of one number is mostly the image's.
        images = len(path) == len(keys) and value == image_channels
        if meaning and not (meaning == "width" and images):
            found.append(Leaf(path=path, value=value, meaning=meaning))
    relative = [leaf for leaf in found if is_per_width(leaf.name[-1])]
    if any(leaf.meaning == "width" for leaf in found if leaf not in relative):
        return [leaf for leaf in found if leaf not in relative]
    return found


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """What a multiplier does to the leaves.

    Args:
        scaled: Meanings that are multiplied.
        grain: Widths of a head, or where there are no heads widths, become multiples of this as
            far as the large network's are.
        counted: Whether widths stay divisible by the number of heads and of groups.
        tied: Whether widths in a list that are multiples of its least one stay so.
        left_out: Names of leaves that are kept as they are.
    """

    scaled: frozenset[Meaning]
    grain: int
    counted: bool = True
    tied: bool = False
    left_out: frozenset[Path] = frozenset()

    def changes(self, found: list[Leaf], multiplier: float) -> list[tuple[list[str | int], Any]]:
        """The new value of every leaf that the multiplier changes."""
        counts = {
            leaf.path: self._scaled(leaf, multiplier, 1)
            for leaf in found
            if leaf.meaning == "count"
        }
        units = {
            leaf.path: self._scaled(leaf, multiplier, gcd(int(leaf.value), min(self.grain, 4)))
            for leaf in found
            if leaf.meaning == "unit"
        }
        steps = self._steps(found, {**counts, **units})
        values = {**counts, **units}
        for leaf in found:
            if leaf.meaning == "step":
                values[leaf.path] = gcd(int(leaf.value), self.grain)
            if leaf.meaning in ("width", "factor"):
                values[leaf.path] = self._scaled(leaf, multiplier, steps.get(leaf.value, 1))
        if self.tied:
            for leaf, least in _multiples(found):
                values[leaf.path] = type(leaf.value)(leaf.value // least.value * values[least.path])
        return [
            (list(leaf.path), values[leaf.path])
            for leaf in found
            if values[leaf.path] != leaf.value
        ]

    def _scaled(self, leaf: Leaf, multiplier: float, step: int) -> int | float:
        if leaf.meaning not in self.scaled or leaf.name in self.left_out:
            return leaf.value
        wanted = leaf.value * multiplier
        if leaf.meaning == "factor" or not float(leaf.value).is_integer():
            return wanted
        return type(leaf.value)(max(1, round(wanted / step)) * step)

    def _steps(self, found: list[Leaf], new: Mapping[Path, Any]) -> dict[int | float, int]:
        """By width what its new value is a multiple of; equal widths stay equal."""
        steps: dict[int | float, int] = {}
        for leaf in found:
            if leaf.meaning == "width" and float(leaf.value).is_integer():
                step = self._step(leaf, found, new)
                steps[leaf.value] = lcm(steps.get(leaf.value, 1), step)
        return steps

    def _step(self, leaf: Leaf, found: list[Leaf], new: Mapping[Path, Any]) -> int:
        width, parts = int(leaf.value), 1
        if self.counted:
            for other in _beside(leaf, found):
                if width % int(other.value) == 0:
                    parts = lcm(parts, self._part(other, width, new))
        return parts * gcd(max(1, width // parts), self.grain)

    def _part(self, other: Leaf, width: int, new: Mapping[Path, Any]) -> int:
        """What one of the heads, or the number of heads, asks a width to be a multiple of."""
        scaled = other.meaning in self.scaled
        if other.meaning == "count" and scaled:
            return width // int(other.value)
        return int(new[other.path])


def _beside(leaf: Leaf, found: list[Leaf]) -> Iterator[Leaf]:
    """The counts and units that a width goes with: of its place in lists of one length, or least.

    A single number beside a list of counts goes with the least: the widths of later stages are
    multiples of it.
    """
    groups: dict[Path, list[Leaf]] = {}
    for other in found:
        if other.meaning in ("count", "unit"):
            groups.setdefault(other.name, []).append(other)
    widths = [each for each in found if each.name == leaf.name]
    for group in groups.values():
        if len(group) == 1:
            yield group[0]
        elif len(group) == len(widths):
            yield group[widths.index(leaf)]
        elif len(widths) == 1:
            yield min(group, key=lambda each: each.value)


def _multiples(found: list[Leaf]) -> Iterator[tuple[Leaf, Leaf]]:
    """Widths in a list, each with the least one of it, of which they are a multiple."""
    for leaf in found:
        if leaf.meaning == "width":
            least = min((e for e in found if e.name == leaf.name), key=lambda each: each.value)
            if leaf.value % least.value == 0:
                yield leaf, least
