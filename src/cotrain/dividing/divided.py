"""What dividing gives: the small network's spec, and what was made sure of."""

from dataclasses import dataclass

from cotrain.networks import NetworkSpec


@dataclass(frozen=True, kw_only=True)
class Checks:
    """Whether a narrowed network does what the large one does, as far as it was looked at.

    Args:
        passed: What was looked at, and held.
        skipped: What was asked for and could not be looked at, each with the reason.
        none: Why nothing was looked at; empty if something was.
    """

    passed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    none: str = ""


@dataclass(frozen=True, kw_only=True)
class Divided:
    """The spec of one of S networks, and what was made sure of before it was given."""

    spec: NetworkSpec
    checks: Checks
