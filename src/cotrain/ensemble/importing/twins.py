"""Large networks of other libraries that compute what ours compute with the same weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.ensemble.importing.weights import COUNTER

TwinLibrary = Literal["timm", "torchvision"]


@dataclass(frozen=True, kw_only=True)
class Twins:
    """The networks of one library.

    Args:
        names: The library's name of each of our networks.
        variant: Which of our EfficientNets it is.
    """

    names: Mapping[str, str]
    variant: str


# Each compared in tests/ensemble/importing/test_twins.py. Networks of equal shapes need not be
# equal: timm's efficientnet_b* and torchvision's B0 to B4 have another epsilon in BatchNorm.
TWINS: Mapping[TwinLibrary, Twins] = {
    "timm": Twins(
        names={
            "senet154": "legacy_senet154",
            **{f"resnest{depth}": f"resnest{depth}e" for depth in (101, 200, 269)},
            **{f"efficientnetb{b}": f"tf_efficientnet_b{b}" for b in range(8)},
        },
        variant="lukemelas",
    ),
    "torchvision": Twins(
        names={f"efficientnetb{b}": f"efficientnet_b{b}" for b in (5, 6, 7)},
        variant="lightnet",
    ),
}


def in_library_order(
    weights: Mapping[str, Tensor], library: TwinLibrary, name: str, source: Path | str
) -> dict[str, Tensor]:
    """The weights in the order of the library's network: ``.safetensors`` files do not keep it.

    Args:
        weights: Tensors by the library's names.
        library: Whose network it is.
        name: The library's name of the network.
        source: What an error calls the weights.

    Raises:
        ConfigError: A name lacks or is too many.
    """
    names = _names(library, name)
    for each in [*names, *weights]:
        if (each in weights) != (each in names) and not each.endswith(COUNTER):
            problem = "lacks" if each in names else "has"
            raise ConfigError(f"{source} {problem} {each}: give weights of {library}'s {name}")
    return {each: weights[each] for each in names if each in weights}


def _names(library: TwinLibrary, name: str) -> list[str]:
    """Names of the tensors of a library's network, in order."""
    with torch.device("meta"):  # takes no memory
        if library == "timm":
            from timm import create_model

            return list(create_model(name).state_dict())
        from torchvision.models import get_model

        return list(get_model(name).state_dict())
