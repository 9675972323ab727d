"""Divide any network by its structure: every width v becomes f(v), its code stays the same."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from math import gcd

from torch import nn

from cotrain.basics.errors import ConfigError
from cotrain.dividing.any_network.by_structure.narrowing import MisfitError, Narrower
from cotrain.dividing.any_network.by_structure.survey import Survey, survey
from cotrain.dividing.any_network.by_structure.width_map import WidthMap, fixed_widths
from cotrain.dividing.any_network.goal import Attempt, Goal, unevenness
from cotrain.networks.foreign.narrow.reshaping import record

# Attempts to make sums of widths consistent, and to come near the budget.
_MOST_REPAIRS, _MOST_STEPS = 8, 8
# Further from the budget than this, one width alone does not help.
_FAR = 0.2
_GRIDS = (64, 48, 32, 24, 16, 12, 8, 6, 4)


def divide_by_structure(
    goal: Goal,
    *,
    widths: Mapping[int, int] | Callable[[int], int] | None = None,
) -> Attempt:
    """The attempt nearest to the budget among the network's uniformly narrowed copies.

    Args:
        goal: The large network, and what to reach.
        widths: A user's own map of widths, which overrides f.

    Raises:
        ConfigError: No narrowed copy runs.
    """
    found = survey(goal.large, goal.image_shape)
    search = _Search(found, goal, fixed_widths(widths, found.all_widths))
    best = search.best()
    if best is None:
        misfit = search.misfit
        raise ConfigError(
            f"module {misfit.place!r} does not fit when the network is narrowed "  # type: ignore
            f"({misfit.reason}): give widths= (your own map) or small= (your own builder)"  # type: ignore
        )
    return best


class _Search:
    """Looks for the multiplier whose network costs what the goal asks."""

    def __init__(self, found: Survey, goal: Goal, fixed: Mapping[int, int]) -> None:
        self.survey = found
        self.goal = goal
        self.fixed = fixed
        self.narrower = Narrower(found)
        self.grids: dict[int, int] = {}
        self.coarser = list(_GRIDS)
        self.repairs, self.freed = 0, False
        self.misfit: MisfitError | None = None

    def best(self) -> Attempt | None:
        """The first attempt that fits, else the nearest; None if nothing runs."""
        found: list[Attempt] = []
        for lean in (0.0, 0.5, -0.5):
            width_map = self._nearest(lean)
            if width_map is None:
                break
            found.append(self._attempt(width_map))
            if not found[-1].fits(self.goal) and found[-1].error < _FAR:
                found.extend(self._tuned(width_map, found[-1]))
            if found[-1].fits(self.goal) or not self.grids:
                break
        fitting = [each for each in found if each.fits(self.goal)]
        return min(fitting or found, key=lambda each: each.error, default=None)

    def _tuned(self, width_map: WidthMap, attempt: Attempt) -> Iterator[Attempt]:
        """One width a little narrower or wider, the widest first, until the budget is kept."""
        worst = max(attempt.ratios.values(), key=lambda ratio: abs(ratio - 1))
        free = [v for v in self.survey.widths if v not in self.fixed and v not in self.survey.sums]
        for width in sorted(free, reverse=True):
            quantum = width_map.quanta.get(width, 1)
            # Of one width, whose weights grow with it or with its square.
            narrow = quantum * round(width_map(width) * worst**-0.8 / quantum)
            tuned = replace(width_map, fixed={**self.fixed, width: narrow})
            try:
                found = self._attempt(tuned)
            except MisfitError:
                continue
            if found.fits(self.goal):
                yield found
                return

    def _nearest(self, lean: float) -> WidthMap | None:
        """The map whose multiplier comes nearest to the budget; None if none runs."""
        multiplier = self.goal.into**-0.5
        low, high = 0.0, 1.0
        found: list[tuple[float, WidthMap]] = []
        for _ in range(_MOST_STEPS):
            width_map, ratio = self._repaired(multiplier, lean)
            if ratio is None:
                return None
            found.append((abs(ratio - 1), width_map))
            if abs(ratio - 1) < 0.01:
                break
            low, high = (low, multiplier) if ratio > 1 else (multiplier, high)
            # Costs grow like the multiplier to the power of about 1.8.
            multiplier = multiplier * ratio ** (-1 / 1.8)
            if not low < multiplier < high:
                multiplier = (low + high) / 2
            if high - low < 0.002:
                break
        return min(found, key=lambda each: each[0])[1]

    def _repaired(self, multiplier: float, lean: float) -> tuple[WidthMap, float | None]:
        """The map, and the worst cost ratio; widths that do not fit together get coarser grids."""
        while True:
            width_map = self._map(multiplier, lean)
            try:
                return width_map, self._ratio(self.narrower.narrow(width_map))
            except MisfitError as misfit:
                if not self._repair(misfit):
                    return width_map, None

    def _repair(self, misfit: MisfitError) -> bool:
        """Change what may be the reason; false if nothing is left to change."""
        if self.misfit is None or misfit.progress >= self.misfit.progress:
            self.misfit = misfit
        self.repairs += 1
        if self.narrower.free_kept(misfit.place):
            return True
        if self.repairs <= _MOST_REPAIRS and self._coarsen(misfit.place):
            return True
        if not self.coarser and not self.freed:
            self.freed, self.grids, self.coarser = True, {}, list(_GRIDS)
            self.narrower.free_all()
            return True
        return self._coarsen_all()

    def _coarsen_all(self) -> bool:
        """Put all widths on one grid, a coarser one at every call; false after the coarsest."""
        if self.coarser:
            self.grids = dict.fromkeys(self.survey.widths, self.coarser.pop(0))
            return True
        return False

    def _coarsen(self, place: str) -> bool:
        """Put the widths around a module on a grid, or on a coarser one; false if none is left."""
        parent = place.rpartition(".")[0]
        around = (self.survey.scopes[place] | self.survey.scopes[parent]) & self.survey.widths
        if not around or len(self.coarser) < len(_GRIDS):
            return False
        grid = min(gcd(*around), *(self.grids.get(width, 2 * _GRIDS[0]) for width in around))
        before = {self.grids.get(width) for width in around}
        if before == {grid}:
            grid = max(each for each in range(1, grid) if grid % each == 0) if grid > 1 else 0
        self.grids.update(dict.fromkeys(around, grid))
        return grid >= 4

    def _map(self, multiplier: float, lean: float) -> WidthMap:
        return WidthMap(
            multiplier=multiplier,
            quanta=self.survey.quanta,
            grids=self.grids,
            lean=lean,
            sums=self.survey.sums,
            fixed=self.fixed,
        )

    def _ratio(self, small: nn.Module) -> float:
        """Worst of S times the costs over the large network's."""
        return max(self.goal.ratios(small).values(), key=lambda ratio: abs(ratio - 1))

    def _attempt(self, width_map: WidthMap) -> Attempt:
        small = self.narrower.narrow(width_map)
        return Attempt(
            mechanism="structural",
            changes=record(self.survey.large, small),
            network=small,
            ratios=self.goal.ratios(small),
            unevenness=unevenness(self.survey.large, small),
            survey=self.survey,
        )
