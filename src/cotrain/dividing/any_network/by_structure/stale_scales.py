"""Refuse a narrowed network in which a number of the large one's widths would go on being used."""

from torch import nn

from cotrain.basics.errors import ConfigError
from cotrain.dividing.any_network.by_structure.survey import Survey
from cotrain.networks.foreign.narrow.reshaping import settings
from cotrain.networks.foreign.vocabulary import is_scale

# Larger than any 1/sqrt(d) that is worth a scale.
_LARGEST = 0.6


def check_scales(found: Survey, small: nn.Module) -> None:
    """Every 1/sqrt(d) that a forward pass reads was recomputed for the narrow width.

    Raises:
        ConfigError: A scale of an unknown d was left as it is; names the module.
    """
    narrow = dict(small.named_modules())
    for name, module in found.large.named_modules():
        after = dict(settings(narrow[name]))
        for attribute, value in settings(module):
            read = attribute in found.reads.get(name, ())
            if read and value == after[attribute] and _is_root(attribute, value):
                raise ConfigError(
                    f"module {name!r} ({type(module).__name__}) multiplies by {attribute}="
                    f"{value:.6g} = 1/sqrt({round(value**-2)}), and no width explains it: give "
                    "small= (your own builder)"
                )


def _is_root(name: str, value: object) -> bool:
    """Whether it is named like a scale and is the 1/sqrt of a whole number."""
    if not isinstance(value, float) or not 0 < value < _LARGEST or not is_scale(name):
        return False
    square = value**-2
    # 0.1 is a number that authors write; 0.125 may be one, or 1/sqrt(64).
    if round(value, 2) == value and round(square) % 8:
        return False
    return abs(square - round(square)) < 1e-6 * square
