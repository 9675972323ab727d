"""What this package must know of a library that brings networks."""

import inspect
import logging
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from cotrain.config.data import CropMode, Interpolation
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
        interpolation: How it is resized.
        crop_mode: How it becomes a square.
    """

    image_size: int
    mean: tuple[float, ...] = _IMAGENET.mean
    std: tuple[float, ...] = _IMAGENET.std
    margin: float = 1.0
    interpolation: Interpolation = "bicubic"
    crop_mode: CropMode = "center"


@dataclass(frozen=True, kw_only=True)
class Library:
    """One source of networks; the functions import the library when they are called.

    Args:
        package: The name it is installed by; empty for a user's own builders.
        names: All names it builds image classifiers by.
        knows: Whether it builds a name with these arguments.
        accepts: Names of the arguments that a name is built with; no other reaches the library.
        arguments: What the spec of a name keeps beside the user's own arguments.
        fetch: The network of a spec with the weights that the library keeps for its name; None
            if it keeps none.
        adapt: The network of a spec with given weights, by the library's names for them; None
            where these have to fit as they are.
        source: In words, where the weights of a name are kept.
        native: What the named network, with these arguments, was made for; None if unknown.
        build: A freshly initialised large network, images [B, C, H, W] to logits [B, classes].
        recognize: The specs that may rebuild an instance, the likeliest first.
    """

    package: str
    names: Callable[[], Sequence[str]]
    knows: Callable[[str, Mapping[str, Any]], bool]
    accepts: Callable[[str, Mapping[str, Any]], Collection[str]]
    native: Callable[[str, Mapping[str, Any]], Native | None]
    build: Callable[[ForeignSpec], nn.Module]
    recognize: Callable[[nn.Module], Sequence[ForeignSpec]]
    arguments: Callable[[str], Mapping[str, Any]] = lambda _: {}
    fetch: Callable[[ForeignSpec], nn.Module] | None = None
    adapt: Callable[[ForeignSpec, Mapping[str, Tensor]], nn.Module] | None = None
    source: Callable[[ForeignSpec], str] = lambda _: ""


# What a spec says itself, and where a network is built.
_GIVEN = {"self", "num_classes", "in_chans", "in_channels", "image_size", "device", "dtype"}


def constructor_parameters(builder: Callable[..., Any]) -> set[str]:
    """Names of the arguments of the network classes that a builder's module works with.

    Builders take others too, such as paths of files to unpickle and addresses to load from. What
    goes to a class's constructor alone describes a network.

    Args:
        builder: A function of timm or torchvision that makes a network.
    """
    package = builder.__module__.partition(".")[0]
    classes = {
        base
        for each in vars(sys.modules[builder.__module__]).values()
        if isinstance(each, type) and issubclass(each, nn.Module)
        for base in each.__mro__
        if base.__module__.startswith(f"{package}.models.") and "__init__" in vars(base)
    }
    parameters = (inspect.signature(each.__init__).parameters.values() for each in classes)
    return {
        each.name for some in parameters for each in some if each.kind is not each.VAR_KEYWORD
    } - _GIVEN


@contextmanager
def errors_alone(package: str) -> Iterator[None]:
    """Only errors of a package are logged inside; what else it says, a caller says in a line."""
    logger = logging.getLogger(package)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
