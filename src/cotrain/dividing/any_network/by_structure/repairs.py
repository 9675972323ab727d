"""What is changed where narrowed widths do not fit together: grids of widths, layers set free."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import gcd

from cotrain.dividing.any_network.by_structure.narrowing import MisfitError
from cotrain.dividing.any_network.by_structure.survey import Survey

# Misfits after which the widths around a module are no longer tried alone.
_MOST_ALONE = 8
_GRIDS = (64, 48, 32, 24, 16, 12, 8, 6, 4)


@dataclass(frozen=True, kw_only=True)
class Repairs:
    """What all misfits so far have led to.

    Args:
        grids: The grid of single widths (``WidthMap``).
        coarser: Grids that have not been tried yet for all widths together.
        free: Layers whose outputs are narrowed although as many inputs enter them as before.
        all_free: Whether all such layers were set free, which is the last resort.
        misfits: How many there were.
        furthest: The one that came furthest; None before the first.
    """

    grids: Mapping[int, int] = field(default_factory=dict)
    coarser: tuple[int, ...] = _GRIDS
    free: frozenset[str] = frozenset()
    all_free: bool = False
    misfits: int = 0
    furthest: MisfitError | None = None

    def after(self, misfit: MisfitError, found: Survey) -> "Repairs":
        """With one more change, which may be what was missing.

        Raises:
            MisfitError: The furthest so far; nothing is left to change.
        """
        further = self.furthest is None or misfit.progress >= self.furthest.progress
        told = replace(
            self, misfits=self.misfits + 1, furthest=misfit if further else self.furthest
        )
        repaired = (
            told._with_free_beside(misfit)
            or told._with_grid_around(misfit.place, found)
            or told._with_all_free(misfit)
            or told._with_next_grid(found)
        )
        if repaired is None:
            raise told.furthest or misfit
        return repaired

    def _with_free_beside(self, misfit: MisfitError) -> "Repairs | None":
        """Layers that were kept are narrower: those at or beside the misfit."""
        parent = misfit.place.rpartition(".")[0]
        beside = {n for n in misfit.kept if n == misfit.place or n.rpartition(".")[0] == parent}
        return replace(self, free=self.free | beside) if beside - self.free else None

    def _with_grid_around(self, place: str, found: Survey) -> "Repairs | None":
        """The widths around the misfit are on one grid, or on a coarser one than before."""
        around = (found.scopes[place] | found.scopes[place.rpartition(".")[0]]) & found.widths
        if self.misfits > _MOST_ALONE or not around or self.coarser != _GRIDS:
            return None
        grid = min(gcd(*around), *(self.grids.get(width, 2 * _GRIDS[0]) for width in around))
        if {self.grids.get(width) for width in around} == {grid}:
            grid = max((each for each in range(1, grid) if grid % each == 0), default=0)
        return (
            replace(self, grids={**self.grids, **dict.fromkeys(around, grid)})
            if grid >= 4
            else None
        )

    def _with_all_free(self, misfit: MisfitError) -> "Repairs | None":
        """After the coarsest grid, all kept layers are narrower, and grids start anew."""
        if self.coarser or self.all_free:
            return None
        free = self.free | misfit.kept
        return replace(self, grids={}, coarser=_GRIDS, free=free, all_free=True)

    def _with_next_grid(self, found: Survey) -> "Repairs | None":
        """All widths are on one grid, a coarser one every time."""
        if not self.coarser:
            return None
        grid, *coarser = self.coarser
        return replace(self, grids=dict.fromkeys(found.widths, grid), coarser=tuple(coarser))
