"""Narrow a copy of the large network while one forward pass shows what enters every layer."""

from collections.abc import Container
from copy import deepcopy
from dataclasses import dataclass

from torch import nn

from cotrain.dividing.any_network.by_structure.layers import narrow_layer
from cotrain.dividing.any_network.by_structure.modules import Holder, narrow_module
from cotrain.dividing.any_network.by_structure.survey import Survey
from cotrain.dividing.any_network.by_structure.watching import (
    Shape,
    entering_watched,
    first_tensor,
    run,
)
from cotrain.dividing.any_network.by_structure.width_map import WidthMap
from cotrain.networks.foreign.narrow.reshaping import share, shared_parameters


@dataclass(frozen=True, kw_only=True)
class WidthPlan:
    """What a network is narrowed by.

    Args:
        widths: The narrow width of every large one.
        free: Layers whose outputs are narrowed although as many inputs enter them as before.
    """

    widths: WidthMap
    free: frozenset[str] = frozenset()


class MisfitError(ValueError):
    """The narrowed network does not run.

    Args:
        place: The module that it came to.
        progress: How many modules it came through.
        kept: Layers whose outputs were not narrowed.
        reason: What it failed with.
    """

    def __init__(self, place: str, progress: int, kept: frozenset[str], reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place, self.progress, self.kept, self.reason = place, progress, kept, reason


def narrow(found: Survey, plan: WidthPlan) -> nn.Module:
    """A narrowed copy of the large network.

    Raises:
        MisfitError: It does not run, or gives outputs of another shape.
    """
    narrowing = _Narrowing(found, plan)
    narrowing.start()
    with entering_watched(narrowing.network, narrowing.on_entering):
        try:
            outputs = first_tensor(run(narrowing.network, found.image_shape))
        except Exception as error:  # a network's own code may fail in any way
            raise narrowing.misfit(str(error).strip().partition("\n")[0] or "fails") from error
    if tuple(outputs.shape) != found.outputs:
        raise narrowing.misfit(f"outputs {list(outputs.shape)}, not {list(found.outputs)}")
    share(narrowing.network, shared_parameters(found.large))
    return narrowing.network


class _Narrowing:
    """One copy, and how far its only forward pass has come."""

    def __init__(self, found: Survey, plan: WidthPlan) -> None:
        self.network = deepcopy(found.large)
        self._found, self._plan = found, plan
        self._wide = dict(found.large.named_modules())
        self._narrow = dict(self.network.named_modules())
        self._entered: dict[str, None] = {}
        self._kept: set[str] = set()
        self._has_narrowed = False

    def start(self) -> None:
        """Narrow every module as the widths alone say, for those that never run."""
        for name in self._narrow:
            self._adapt(name, None)

    def on_entering(self, name: str, _: nn.Module, shapes: list[Shape]) -> None:
        """Narrow a module again, now that it is known what enters it."""
        if name not in self._entered:
            self._adapt(name, shapes[0])
            self._entered[name] = None

    def misfit(self, reason: str) -> MisfitError:
        """The error for a network that came as far as this."""
        place = next(reversed(self._entered), "")
        return MisfitError(place, len(self._entered), frozenset(self._kept), reason)

    def _adapt(self, name: str, shape: Shape | None) -> None:
        if name in self._found.layers:
            self._adapt_layer(name, shape)
        elif not _is_inside_layer(name, self._found.layers):
            holder = Holder(
                name=name,
                wide=self._wide[name],
                narrow=self._narrow[name],
                found=self._found,
                widths=self._plan.widths,
                entering=self._found.changes_of_input(name, shape),
            )
            narrow_module(holder)

    def _adapt_layer(self, name: str, shape: Shape | None) -> None:
        layer = self._found.layers[name]
        entering = self._plan.widths(layer.entering) if shape is None else shape[layer.axis]
        leaving = self._plan.widths(layer.leaving) if layer.chooses else entering
        if name in self._found.classes or (
            shape is not None and self._mixes_positions(name, entering)
        ):
            leaving = layer.leaving
            self._kept.add(name)
        try:
            narrow_layer(self._wide[name], self._narrow[name], entering, leaving)
        except ValueError as error:
            if shape is not None:
                raise ValueError(f"{name}: {error}") from error
        if shape is not None and layer.chooses and leaving != layer.leaving:
            self._has_narrowed = True

    def _mixes_positions(self, name: str, entering: int) -> bool:
        """Whether a layer's inputs are no channels: unchanged where channels are narrower now."""
        layer = self._found.layers[name]
        return (
            self._has_narrowed
            and entering == layer.entering != self._plan.widths(layer.entering)
            and entering != self._found.image_shape[0]
            and layer.chooses
            and name not in self._plan.free
        )


def _is_inside_layer(name: str, layers: Container[str]) -> bool:
    """Whether a module is a part of a layer that is narrowed as a whole."""
    parent = name.rpartition(".")[0]
    return bool(parent) and (parent in layers or _is_inside_layer(parent, layers))
