"""Whether a network is wide enough to be divided, from what the paper's divisions gained or lost.

Source: arXiv:2011.14660, Tables II and IV. There every network whose narrowest stage kept the width
of ``WIDE_ENOUGH`` gained accuracy, and each of those that lost any is below it. A stage's width
is that of ``cotrain.networks.stages.narrowest_stage``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from cotrain.config.published import PUBLISHED
from cotrain.dividing.divide_spec import divide_spec
from cotrain.networks import build
from cotrain.networks.meta import on_meta
from cotrain.networks.registry import named_spec
from cotrain.networks.stages import narrowest_stage

PublishedOn = Literal["cifar100", "imagenet"]
# Channels of the narrowest stage of one of S networks from which on all published ones gained.
WIDE_ENOUGH: Mapping[PublishedOn, int] = {"cifar100": 16, "imagenet": 128}
_IMAGES: Mapping[PublishedOn, str] = {"cifar100": "small images", "imagenet": "photos"}


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A published division with a stage below ``WIDE_ENOUGH``.

    Args:
        network: Name of the large network.
        into: S.
        narrowest: Width of its narrowest stage once divided.
        gain: Points of accuracy over the large network; negative is a loss.
    """

    network: str
    into: int
    narrowest: int
    gain: float

    def __str__(self) -> str:
        return f"{self.network} into {self.into}, {self.narrowest} wide: {self.gain:+.2f}"


@cache
def evidence(dataset: PublishedOn) -> tuple[Evidence, ...]:
    """What was published of narrow networks, trained for the usual number of epochs.

    EfficientNets compute inside a block at six times the width of its stage, which may be why they
    gain where others do not.
    """
    return tuple(_evidence(dataset))


def _evidence(dataset: PublishedOn) -> Iterator[Evidence]:
    usual = [each for each in PUBLISHED if each.dataset == dataset and each.is_usual]
    errors = {(each.network, each.into): each.error for each in usual}
    for (network, into), error in errors.items():
        narrow = divide_spec(named_spec(network, dataset=dataset), into)
        width = narrowest_stage(on_meta(lambda narrow=narrow: build(narrow))) if into > 1 else None
        if width is not None and width < WIDE_ENOUGH[dataset]:
            gain = round(errors[network, 1] - error, 2)
            yield Evidence(network=network, into=into, narrowest=width, gain=gain)


def advise(narrowest: int | None, image_size: int) -> str | None:
    """A warning if S networks are narrower than those that gained in the paper.

    Args:
        narrowest: Width of the narrowest stage of one of them; None if unknown.
        image_size: Pixels.
    """
    dataset: PublishedOn = "imagenet" if image_size >= 96 else "cifar100"
    enough = WIDE_ENOUGH[dataset]
    if narrowest is None or narrowest >= enough:
        return None
    near = [case for case in evidence(dataset) if case.narrowest >= narrowest]
    least = min((case.narrowest for case in near), default=None)
    told = "; ".join(str(case) for case in near if case.narrowest == least)
    return (
        f"may lose accuracy: a stage of {narrowest} channels; published on {_IMAGES[dataset]}, all "
        f"networks gained at {enough} or more, and in points of accuracy {told}"
        " (arXiv:2011.14660). Compare on a small run first"
    )
