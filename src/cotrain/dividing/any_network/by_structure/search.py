"""Divide any network by its structure: every width v becomes f(v), its code stays the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from cotrain.basics.errors import ConfigError
from cotrain.dividing.any_network.by_structure.narrowing import MisfitError, WidthPlan, narrow
from cotrain.dividing.any_network.by_structure.repairs import Repairs
from cotrain.dividing.any_network.by_structure.survey import Survey, survey
from cotrain.dividing.any_network.by_structure.width_map import fixed_widths
from cotrain.dividing.any_network.goal import Attempt, Goal, unevenness
from cotrain.networks.foreign.narrow.reshaping import record

# Attempts to come near the budget.
_MOST_STEPS = 8
# Further from the budget than this, one width alone does not help.
_FAR = 0.2


def divide_by_structure(
    goal: Goal, *, widths: Mapping[int, int] | Callable[[int], int] | None = None
) -> Attempt:
    """The attempt nearest to the budget among the network's uniformly narrowed copies.

    Args:
        goal: The large network, and what to reach.
        widths: A user's own map of widths, which overrides f.

    Raises:
        ConfigError: No narrowed copy runs.
    """
    found = survey(goal.large, goal.image_shape)
    search = _Search(found=found, goal=goal, fixed=fixed_widths(widths, found.all_widths))
    try:
        return search.best()
    except MisfitError as misfit:
        raise ConfigError(
            f"module {misfit.place!r} does not fit when the network is narrowed "
            f"({misfit.reason}): give widths= (your own map) or small= (your own builder)"
        ) from None


@dataclass(frozen=True, kw_only=True)
class _Trial:
    """A plan whose network runs.

    Args:
        plan: What the network is narrowed by.
        ratio: The worst of S times its costs over the large network's.
        repairs: All that were made until it ran.
    """

    plan: WidthPlan
    ratio: float
    repairs: Repairs


@dataclass(frozen=True, kw_only=True)
class _Search:
    """Looks for the multiplier whose network costs what the goal asks.

    Args:
        found: Of the large network.
        goal: What to reach.
        fixed: A user's own widths.
    """

    found: Survey
    goal: Goal
    fixed: Mapping[int, int]

    def best(self) -> Attempt:
        """The first attempt that fits, else the nearest.

        Raises:
            MisfitError: Nothing runs.
        """
        attempts: list[Attempt] = []
        repairs = Repairs()
        for lean in (0.0, 0.5, -0.5):
            try:
                trials = self._trials(lean, repairs)
            except MisfitError:
                if attempts:
                    break
                raise
            repairs = trials[-1].repairs
            attempts += self._attempts(min(trials, key=lambda each: abs(each.ratio - 1)).plan)
            if attempts[-1].fits(self.goal) or not repairs.grids:
                break
        fitting = [each for each in attempts if each.fits(self.goal)]
        return min(fitting or attempts, key=lambda each: each.error)

    def _trials(self, lean: float, repairs: Repairs) -> list[_Trial]:
        """Plans that come nearer and nearer to the budget."""
        multiplier, low, high = self.goal.into**-0.5, 0.0, 1.0
        trials: list[_Trial] = []
        while len(trials) < _MOST_STEPS and high - low >= 0.002:
            trials.append(self._running(multiplier, lean, repairs))
            ratio, repairs = trials[-1].ratio, trials[-1].repairs
            if abs(ratio - 1) < 0.01:
                break
            low, high = (low, multiplier) if ratio > 1 else (multiplier, high)
            # Costs grow like the multiplier to the power of about 1.8.
            guess = multiplier * ratio ** (-1 / 1.8)
            multiplier = guess if low < guess < high else (low + high) / 2
        return trials

    def _running(self, multiplier: float, lean: float, repairs: Repairs) -> _Trial:
        """The plan with this multiplier, repaired until its network runs."""
        while True:
            widths = self.found.width_map(
                multiplier, grids=repairs.grids, lean=lean, fixed=self.fixed
            )
            plan = WidthPlan(widths=widths, free=repairs.free)
            try:
                ratios = self.goal.ratios(narrow(self.found, plan)).values()
            except MisfitError as misfit:
                repairs = repairs.after(misfit, self.found)
            else:
                worst = max(ratios, key=lambda ratio: abs(ratio - 1))
                return _Trial(plan=plan, ratio=worst, repairs=repairs)

    def _attempts(self, plan: WidthPlan) -> list[Attempt]:
        """What the plan gives, and where that nearly fits, with one width tuned."""
        attempt = self._attempt(plan)
        if attempt.fits(self.goal) or attempt.error >= _FAR:
            return [attempt]
        tuned = self._tuned(plan, attempt)
        return [attempt] if tuned is None else [attempt, tuned]

    def _tuned(self, plan: WidthPlan, attempt: Attempt) -> Attempt | None:
        """One width a little narrower or wider, the widest first, until the budget is kept."""
        worst = max(attempt.ratios.values(), key=lambda ratio: abs(ratio - 1))
        free = [v for v in self.found.widths if v not in self.fixed and v not in self.found.sums]
        for width in sorted(free, reverse=True):
            quantum = plan.widths.quanta.get(width, 1)
            # Of one width, whose weights grow with it or with its square.
            tuned = quantum * round(plan.widths(width) * worst**-0.8 / quantum)
            widths = replace(plan.widths, fixed={**self.fixed, width: tuned})
            try:
                found = self._attempt(replace(plan, widths=widths))
            except MisfitError:
                continue
            if found.fits(self.goal):
                return found
        return None

    def _attempt(self, plan: WidthPlan) -> Attempt:
        small = narrow(self.found, plan)
        return Attempt(
            mechanism="structural",
            changes=record(self.found.large, small),
            network=small,
            ratios=self.goal.ratios(small),
            unevenness=unevenness(self.found.large, small, self.goal.classes),
            survey=self.found,
        )
