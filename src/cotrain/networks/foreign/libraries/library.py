"""What this package must know of a library that brings networks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from cotrain.config.datasets import DATASETS
from cotrain.networks.foreign.spec import ForeignSpec

_IMAGENET = DATASETS["imagenet"]


@dataclass(frozen=True, kw_only=True)
class Native:
    """The images that a network was made for.

    Args:
        image_size: Height and width in pixels.
        mean: Mean of each channel, of pixels in [0, 1].
        std: Standard deviation of each channel, of pixels in [0, 1].
        margin: The size, in image sizes, to which the shorter side is resized before the centre
            is cut out.
    """

    image_size: int
    mean: tuple[float, ...] = _IMAGENET.mean
    std: tuple[float, ...] = _IMAGENET.std
    margin: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Library:
    """One source of networks; the functions import the library when they are called.

    Args:
        package: The name it is installed by; empty for a user's own builders.
        names: All names it builds image classifiers by.
        knows: Whether it builds a name with these arguments.
        arguments: What the spec of a name keeps beside the user's own arguments.
        native: What the named network, with these arguments, was made for; None if unknown.
        build: A freshly initialised large network, images [B, C, H, W] to logits [B, classes].
        recognize: The specs that may rebuild an instance, the likeliest first.
    """

    package: str
    names: Callable[[], Sequence[str]]
    knows: Callable[[str, Mapping[str, Any]], bool]
    native: Callable[[str, Mapping[str, Any]], Native | None]
    build: Callable[[ForeignSpec], nn.Module]
    recognize: Callable[[nn.Module], Sequence[ForeignSpec]]
    arguments: Callable[[str], Mapping[str, Any]] = lambda _: {}
