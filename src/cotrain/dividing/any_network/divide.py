"""Dividing a network that has no published rule: by its constructor, else by its structure."""

import math
from collections.abc import Callable
from dataclasses import replace

from torch import nn

from cotrain.basics.errors import ConfigError
from cotrain.config import DivideOptions
from cotrain.dividing.any_network.by_both import complete_by_structure
from cotrain.dividing.any_network.by_constructor.search import divide_by_constructor
from cotrain.dividing.any_network.by_structure.search import divide_by_structure
from cotrain.dividing.any_network.checking import check_attempt
from cotrain.dividing.any_network.goal import MOST_UNEVEN, Attempt, Goal, stage_ratios
from cotrain.dividing.divided import Divided
from cotrain.networks import NetworkSpec, build, image_shape_of
from cotrain.networks.foreign.names import builder_of
from cotrain.networks.foreign.spec import ForeignSpec
from cotrain.networks.meta import on_meta

_Method = Callable[[], Attempt | None]


def divide_foreign(spec: ForeignSpec, into: int, options: DivideOptions) -> Divided:
    """The spec of one of ``into`` networks of the same depth, input and classes.

    All widths shrink by one factor, the one at which S networks cost what the large one costs.
    Probabilities of dropout, drop-path and the like are divided by sqrt(S).

    Raises:
        ConfigError: The spec is of a divided network; or no method keeps the budget with uniform
            widths and the large network's function: the error says how near the best came, and
            which layers stand in the way.
    """
    if spec.mechanism != "whole":
        raise ConfigError(
            f"into={into}: this {spec.arch} is divided already: divide the large network, into "
            "more at once"
        )
    goal, make = goal_of(spec, into, options), builder_of(spec)
    found: list[Attempt] = []
    refusals: list[str] = []
    wrong: list[str] = []
    for name, method in _methods(make, goal, options, found).items():
        attempt = _made(name, method, refusals)
        if attempt is None:
            continue
        if not (attempt.fits(goal) or _is_users_own(attempt, options)):
            found.append(attempt)
            continue
        try:
            checks = check_attempt(attempt, make, goal, options.check)
        except ConfigError as failure:
            wrong.append(f"{name}: {failure}")
        else:
            return Divided(spec=_narrowed(spec, attempt, into), checks=checks)
    reason = "; ".join(wrong) or _reason(found, refusals, goal)
    raise ConfigError(f"into={into}: {spec.arch} cannot be divided: {reason}")


def _made(name: str, method: _Method, refusals: list[str]) -> Attempt | None:
    """What a method makes; None with the reason added to ``refusals`` where it makes nothing."""
    try:
        attempt = method()
    except ConfigError as refusal:
        refusals.append(f"{name}: {refusal}")
    except Exception as error:  # a network's own code may fail in any way at other widths
        refusals.append(f"{name}: {type(error).__name__}: {error}")
    else:
        if attempt is None:
            refusals.append(f"{name}: it finds no widths to scale")
        return attempt
    return None


def check_small(large: NetworkSpec, small: NetworkSpec, into: int, options: DivideOptions) -> None:
    """Raise ConfigError unless ``into`` networks of a user's own builder keep the budget."""
    goal = goal_of(large, into, options)
    ratios = goal.ratios(on_meta(lambda: build(small)))
    outside = {k: ratio for k, ratio in ratios.items() if abs(ratio - 1) > options.tolerance}
    if outside:
        reached = ", ".join(f"{ratio:.3f} times the {name}" for name, ratio in outside.items())
        raise ConfigError(
            f"small={small.arch}: {into} of them have {reached} of {large.arch}: "
            "give other widths, or a greater tolerance"
        )
    same = ("num_classes", "in_channels", "image_size")
    for name in same:
        if getattr(small, name) != getattr(large, name):
            raise ConfigError(
                f"small={small.arch} has {name}={getattr(small, name)}, the large network "
                f"{getattr(large, name)}: both must take the same images and give the same classes"
            )


def goal_of(spec: NetworkSpec, into: int, options: DivideOptions) -> Goal:
    """What one of ``into`` networks must cost."""
    return Goal(
        large=on_meta(lambda: build(spec)),
        image_shape=image_shape_of(spec),
        classes=spec.num_classes,
        into=into,
        budget=options.budget,
        tolerance=options.tolerance,
    )


def _methods(
    make: Callable[[], nn.Module], goal: Goal, options: DivideOptions, found: list[Attempt]
) -> dict[str, _Method]:
    """Those to try, in order; the last of ``auto`` goes on from what the first found."""
    known: dict[str, _Method] = {
        "constructor": lambda: divide_by_constructor(make, goal),
        "structural": lambda: divide_by_structure(goal, widths=options.widths),
        "both": lambda: _by_both(goal, found),
    }
    if options.widths is None and options.method == "auto":
        return known
    name = options.method if options.widths is None else "structural"
    return {name: known[name]}


def _by_both(goal: Goal, found: list[Attempt]) -> Attempt | None:
    """The constructor's attempt, completed by the structure."""
    by_constructor = [each for each in found if each.mechanism == "constructor"]
    return complete_by_structure(goal, by_constructor[0]) if by_constructor else None


def _is_users_own(attempt: Attempt, options: DivideOptions) -> bool:
    """Whether a user chose the widths, which need not be uniform, within the budget."""
    return options.widths is not None and attempt.error <= options.tolerance


def _narrowed(spec: ForeignSpec, attempt: Attempt, into: int) -> ForeignSpec:
    return replace(
        spec,
        mechanism=attempt.mechanism,
        changes=attempt.changes,
        dropout_divisor=math.sqrt(into),
    )


def _reason(found: list[Attempt], refusals: list[str], goal: Goal) -> str:
    """How near the best attempt came, and what would work; else why there is none."""
    if not found:
        return "; ".join(refusals)
    best = min(found, key=lambda each: each.error)
    reached = ", ".join(f"{ratio:.3f} times its {name}" for name, ratio in best.ratios.items())
    reason = f"the nearest ({best.mechanism}) has {reached}"
    ratios = stage_ratios(goal.large, best.network, goal.classes)
    if best.unevenness > MOST_UNEVEN and ratios:
        widest, narrowest = max(ratios, key=ratios.__getitem__), min(ratios, key=ratios.__getitem__)
        reason += (
            f", and {widest} keeps {ratios[widest]:.0%} of its width where "
            f"{narrowest} keeps {ratios[narrowest]:.0%}"
        )
    if best.error > goal.tolerance:
        reason += f": give tolerance={math.ceil(best.error * 100) / 100}"
    return f"{reason}; or give another into, widths= (your own map) or small= (your own builder)"
