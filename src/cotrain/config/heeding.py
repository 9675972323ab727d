"""Settings that are heeded only where another one has a value that makes use of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Heeding:
    """When some settings of a group are heeded.

    Args:
        names: The settings.
        by: The one that it depends on.
        when: Whether they are heeded at its value, or at the word of the command line for it.
        otherwise: Why they are not, its value being put in braces.
    """

    names: tuple[str, ...]
    by: str
    when: Callable[[Any], bool]
    otherwise: str


VIEWS = (
    Heeding(
        names=("padding",),
        by="crop",
        when=lambda value: value == "pad",
        otherwise="views.crop={} does not pad",
    ),
    Heeding(
        names=("scale",),
        by="crop",
        when=lambda value: value == "resized",
        otherwise="views.crop={} cuts out no share",
    ),
    Heeding(
        names=("erasing_scale", "erasing_ratio"),
        by="erasing",
        when=lambda value: value not in (0, "0", "0.0"),
        otherwise="views.erasing=0 erases nothing",
    ),
)
