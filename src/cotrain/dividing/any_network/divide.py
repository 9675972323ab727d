"""Dividing a network that has no published rule: by its constructor, else by its structure."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from torch import nn

from cotrain.basics.errors import ConfigError
from cotrain.config import DivideOptions
from cotrain.dividing.any_network.by_both import complete_by_structure
from cotrain.dividing.any_network.by_constructor.search import divide_by_constructor
from cotrain.dividing.any_network.by_structure.search import divide_by_structure
from cotrain.dividing.any_network.target import MOST_UNEVEN, Candidate, Target, stage_ratios
from cotrain.networks import NetworkSpec, build, image_shape_of
from cotrain.networks.foreign.names import builder_of
from cotrain.networks.foreign.spec import ForeignSpec
from cotrain.networks.meta import on_meta

# Makes a candidate from the large network's builder, the target and the candidates so far.
Mechanism = Callable[[Callable[[], nn.Module], Target, list[Candidate]], Candidate | None]


def divide_foreign(spec: ForeignSpec, into: int, options: DivideOptions) -> ForeignSpec:
    """The spec of one of ``into`` networks of the same depth, input and classes.

    All widths shrink by one factor, the one at which S networks cost what the large one costs.
    Probabilities of dropout, drop-path and the like are divided by sqrt(S).

    Raises:
        ConfigError: No mechanism keeps the budget with uniform widths; the error says how near
            the best came, and which layers stand in the way.
    """
    target = target_of(spec, into, options)
    found: list[Candidate] = []
    refusals: list[str] = []
    for name, mechanism in _mechanisms(options).items():
        try:
            candidate = mechanism(builder_of(spec), target, found)
        except ConfigError as refusal:
            refusals.append(f"{name}: {refusal}")
        except Exception as error:  # a network's own code may fail in any way at other widths
            refusals.append(f"{name}: {type(error).__name__}: {error}")
        else:
            if candidate is None:
                refusals.append(f"{name}: it finds no widths to scale")
            elif candidate.fits(target) or _is_users_own(candidate, options):
                return _narrowed(spec, candidate, into)
            else:
                found.append(candidate)
    reason = _reason(found, refusals, target)
    raise ConfigError(f"into={into}: {spec.arch} cannot be divided: {reason}")


def check_small(large: NetworkSpec, small: NetworkSpec, into: int, options: DivideOptions) -> None:
    """Raise ConfigError unless ``into`` networks of a user's own builder keep the budget."""
    target = target_of(large, into, options)
    ratios = target.ratios(on_meta(lambda: build(small)))
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


def target_of(spec: NetworkSpec, into: int, options: DivideOptions) -> Target:
    """What one of ``into`` networks must cost."""
    return Target(
        large=on_meta(lambda: build(spec)),
        image_shape=image_shape_of(spec),
        into=into,
        budget=options.budget,
        tolerance=options.tolerance,
    )


def _mechanisms(options: DivideOptions) -> dict[str, Mechanism]:
    """Those to try, in order; the last of ``auto`` goes on from what the first found."""
    if options.widths is not None:
        by_widths = partial(divide_by_structure, widths=options.widths)
        return {"structural": lambda build, target, _: by_widths(build, target)}
    known: dict[str, Mechanism] = {
        "constructor": lambda build, target, _: divide_by_constructor(build, target),
        "structural": lambda build, target, _: divide_by_structure(build, target),
    }
    return (
        {**known, "both": _by_both}
        if options.method == "auto"
        else {options.method: known[options.method]}
    )


def _by_both(
    build: Callable[[], nn.Module], target: Target, found: list[Candidate]
) -> Candidate | None:
    """The constructor's candidate, completed by the structure."""
    by_constructor = [each for each in found if each.mechanism == "constructor"]
    return complete_by_structure(build, target, by_constructor[0]) if by_constructor else None


def _is_users_own(candidate: Candidate, options: DivideOptions) -> bool:
    """Whether a user chose the widths, which need not be uniform, within the budget."""
    return options.widths is not None and candidate.error <= options.tolerance


def _narrowed(spec: ForeignSpec, candidate: Candidate, into: int) -> ForeignSpec:
    return replace(
        spec,
        mechanism=candidate.mechanism,
        changes=candidate.changes,
        dropout_divisor=math.sqrt(into),
    )


def _reason(found: list[Candidate], refusals: list[str], target: Target) -> str:
    """How near the best candidate came, and what would work; else why there is none."""
    if not found:
        return "; ".join(refusals)
    best = min(found, key=lambda each: each.error)
    reached = ", ".join(f"{ratio:.3f} times its {name}" for name, ratio in best.ratios.items())
    reason = f"the nearest ({best.mechanism}) has {reached}"
    ratios = stage_ratios(target.large, best.network)
    if best.unevenness > MOST_UNEVEN and ratios:
        widest, narrowest = max(ratios, key=ratios.__getitem__), min(ratios, key=ratios.__getitem__)
        reason += (
            f", and {widest} keeps {ratios[widest]:.0%} of its width where "
            f"{narrowest} keeps {ratios[narrowest]:.0%}"
        )
    if best.error > target.tolerance:
        reason += f": give tolerance={math.ceil(best.error * 100) / 100}"
    return f"{reason}; or give another into, widths= (your own map) or small= (your own builder)"
