"""Dividing a spec: by the family's own rule, or as any network where it has none."""

import math

from cotrain.basics.errors import ConfigError, IndivisibleError
from cotrain.config import DivideOptions, check_settings
from cotrain.dividing.any_network.divide import divide_foreign
from cotrain.dividing.regularization import divide_probabilities
from cotrain.networks import NetworkSpec, family_of
from cotrain.networks.foreign import ForeignSpec


def divide_spec(spec: NetworkSpec, into: int, options: DivideOptions | None = None) -> NetworkSpec:
    """The spec of one of ``into`` networks that together cost about what ``spec`` costs.

    Depth and resolution are kept; widths shrink by sqrt(S), or groups by S, as the family's rule
    in arXiv:2011.14660 says; dropout is divided too. ``into=1`` returns ``spec`` itself.

    Args:
        spec: The large network's.
        into: S.
        options: How a network without a published rule is divided; the defaults if None.

    Raises:
        ConfigError: ``into`` is not a whole number of at least 1, or the network cannot be
            divided by it; the nearest S that works is named.
    """
    if not isinstance(into, int) or isinstance(into, bool) or into < 1:
        raise ConfigError(f"into={into!r} is not a whole number of at least 1: try into=4")
    if into == 1:
        return spec
    options = options or DivideOptions()
    check_settings(options)
    if isinstance(spec, ForeignSpec):
        return divide_foreign(spec, into, options)
    try:
        narrower = _by_rule(spec, into)
    except IndivisibleError as reason:
        raise ConfigError(
            f"into={into}: {spec.arch} cannot be divided, {reason}; "
            f"the nearest that works is into={_nearest(spec, into)}"
        ) from None
    return divide_probabilities(narrower, family_of(spec).regularization, into)


def _by_rule(spec: NetworkSpec, into: int) -> NetworkSpec:
    rule = family_of(spec).divide
    assert rule is not None
    return rule(spec, into)


def _nearest(spec: NetworkSpec, into: int) -> int:
    """The S with the smallest ratio to ``into`` that the family can divide by; 1 always works."""
    candidates = range(2, max(2 * into, 16) + 1)
    works = [1, *(s for s in candidates if _is_divisible(spec, s))]
    return min(works, key=lambda s: abs(math.log(s / into)))


def _is_divisible(spec: NetworkSpec, into: int) -> bool:
    try:
        _by_rule(spec, into)
    except IndivisibleError:
        return False
    return True
