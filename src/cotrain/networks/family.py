"""What a family of networks is made of: its specs, and the functions that read and divide them."""

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field
from typing import Any, ClassVar, Protocol

from torch import nn

from cotrain.config.datasets import Layout


class NetworkSpec(Protocol):
    """The frozen, JSON-able description from which a network can be rebuilt.

    Every family adds its widths and depths as fields of its own.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def arch(self) -> str: ...
    @property
    def num_classes(self) -> int: ...
    @property
    def in_channels(self) -> int: ...
    @property
    def image_size(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class CommonSpec:
    """The part of a spec that all families have.

    Args:
        arch: The name it was made from; a divided spec keeps the large network's.
        num_classes: C.
        in_channels: Channels of an image.
        image_size: Height and width of an image in pixels.
    """

    arch: str
    num_classes: int
    in_channels: int = 3
    image_size: int = 32


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a user asked for: a name, and the images that the network will see."""

    arch: str
    layout: Layout
    variant: str | None
    num_classes: int
    in_channels: int
    image_size: int

    @property
    def common(self) -> dict[str, Any]:
        """The fields of ``CommonSpec``."""
        names = ("arch", "num_classes", "in_channels", "image_size")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, kw_only=True)
class Family:
    """One family of networks.

    Args:
        name: What ``spec.json`` calls the family.
        spec_type: Its frozen dataclass.
        build: A freshly initialised network that maps images [B, C, H, W] to logits.
        names: The published names, for listings; ``parse`` may accept more.
        parse: The spec of a request, or None when the name is not of this family and layout.
        widths: Channels after the stem and after each stage; None if they are read from a network.
        divide: The narrower spec of one of S networks; raises IndivisibleError with the reason.
            None for networks without a published rule.
        regularization: For each probability in the spec the e of its division by S**e.
        variants: The implementations that a request may ask for; none for most families.
        switches: Fields of the spec, besides the probabilities, that a user may set.
        blank: A network whose weights will be loaded; on ``meta`` if None.
        probabilities: Dropout and the like of a spec and its network; those of
            ``regularization`` in the spec if None.
    """

    name: str
    spec_type: type
    build: Callable[[Any], nn.Module]
    names: tuple[str, ...] = ()
    parse: Callable[[Request], Any] = lambda _: None
    widths: Callable[[Any], tuple[int, ...]] | None = None
    divide: Callable[[Any, int], Any] | None = None
    regularization: Mapping[str, float] = field(default_factory=dict)
    variants: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()
    blank: Callable[[Any], nn.Module] | None = None
    probabilities: Callable[[Any, nn.Module], dict[str, float]] | None = None
