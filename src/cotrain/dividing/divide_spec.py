"""Dividing a spec: by the family's own rule, or as any network where it has none."""

import math
import warnings
from collections.abc import Callable
from dataclasses import fields
from typing import Any, cast

from cotrain.basics.errors import ConfigError, IndivisibleError
from cotrain.basics.watching import at_work
from cotrain.config import DivideOptions, check_settings
from cotrain.config.limits import MOST_NETWORKS
from cotrain.dividing.any_network.divide import divide_foreign
from cotrain.dividing.divided import Checks, Divided
from cotrain.dividing.regularization import divide_probabilities
from cotrain.networks import NetworkSpec, family_of
from cotrain.networks.foreign import ForeignSpec


def divide_spec(spec: NetworkSpec, into: int, options: DivideOptions | None = None) -> NetworkSpec:
    """The spec of one of ``into`` networks that together cost about what ``spec`` costs.

    Depth and resolution are kept; widths shrink by sqrt(S), or groups by S, as the family's rule
    in arXiv:2011.14660 says; dropout is divided too. ``into=1`` returns ``spec`` itself. Warns of
    what ``options.check`` asks for and could not be looked at.

    Args:
        spec: The large network's.
        into: S.
        options: How a network without a published rule is divided; the defaults if None.

    Raises:
        ConfigError: ``into`` is not a whole number of at least 1, or the network cannot be
            divided by it; the nearest S that works is named. Or options that its published rule
            would ignore.
    """
    if into != 1:
        check_rule_heeded(spec, options or DivideOptions())
    divided = divide_and_check(spec, into, options or DivideOptions())
    for each in divided.checks.skipped:
        warnings.warn(f"into={into}: {spec.arch} is not checked: {each}", stacklevel=2)
    return divided.spec


def check_rule_heeded(spec: NetworkSpec, options: DivideOptions) -> None:
    """Raise ConfigError for options that the published rule of a network would ignore."""
    if family_of(spec).divide is None:
        return
    for each in fields(options):
        value = getattr(options, each.name)
        if value != each.default and each.name != "check":  # of which it is said that it is not
            raise ConfigError(
                f"dividing.{each.name}={value} would be ignored: {spec.arch} is divided by its "
                "published rule: leave it out"
            )


def divide_and_check(spec: NetworkSpec, into: int, options: DivideOptions) -> Divided:
    """As ``divide_spec``, with what was made sure of."""
    if not isinstance(into, int) or isinstance(into, bool) or into < 1:
        raise ConfigError(f"into={into!r} is not a whole number of at least 1: try into=4")
    if into > MOST_NETWORKS:
        raise ConfigError(f"into={into} is above {MOST_NETWORKS}: give fewer networks")
    if into == 1:
        return Divided(spec=spec, checks=Checks(none="nothing is divided"))
    check_settings(options)
    family = family_of(spec)
    if family.divide is None:
        with at_work(f"dividing {spec.arch} into {into}"):
            return divide_foreign(cast("ForeignSpec", spec), into, options)
    try:
        narrower = family.divide(spec, into)
    except IndivisibleError as reason:
        raise ConfigError(
            f"into={into}: {spec.arch} cannot be divided, {reason}; "
            f"the nearest that works is into={_nearest(spec, family.divide, into)}"
        ) from None
    divided = divide_probabilities(narrower, family.regularization, into)
    return Divided(spec=divided, checks=Checks(none="its published rule divides it"))


def _nearest(spec: NetworkSpec, rule: Callable[[Any, int], Any], into: int) -> int:
    """The S with the smallest ratio to ``into`` that the rule can divide by; 1 always works."""
    sizes = range(2, max(2 * into, 16) + 1)
    works = [1, *(s for s in sizes if _is_divisible(spec, rule, s))]
    return min(works, key=lambda s: abs(math.log(s / into)))


def _is_divisible(spec: NetworkSpec, rule: Callable[[Any, int], Any], into: int) -> bool:
    try:
        rule(spec, into)
    except IndivisibleError:
        return False
    return True
