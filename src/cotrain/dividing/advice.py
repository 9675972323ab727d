"""Whether a network is wide enough to be divided, from what the paper's divisions gained or lost.

Source: arXiv:2011.14660, Tables II and IV. There every network whose narrowest stage kept the width
of ``WIDE_ENOUGH`` gained accuracy, and each of those that lost any is below it. A stage's width
is that of ``cotrain.networks.stages.narrowest_stage``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Images = Literal["small images", "photos"]
# Channels of the narrowest stage of one of S networks from which on all published ones gained.
WIDE_ENOUGH: Mapping[Images, int] = {"small images": 16, "photos": 128}


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A published division with a stage below ``WIDE_ENOUGH``.

    Args:
        network: Name of the large network.
        dataset: Trained and tested on.
        into: S.
        narrowest: Width of its narrowest stage once divided.
        gain: Points of accuracy over the large network; negative is a loss.
    """

    network: str
    dataset: Literal["cifar100", "imagenet"]
    into: int
    narrowest: int
    gain: float

    def __str__(self) -> str:
        return f"{self.network} into {self.into}, {self.narrowest} wide: {self.gain:+.2f}"


# At 300 epochs on CIFAR-100 and 120 on ImageNet. EfficientNets compute inside a block at six times
# the width of its stage, which may be why they gain where others do not.
EVIDENCE: Mapping[Images, tuple[Evidence, ...]] = {
    "small images": tuple(
        Evidence(network=name, dataset="cifar100", into=into, narrowest=width, gain=gain)
        for name, into, width, gain in (
            ("resnet110", 4, 8, -0.60),
            ("se_resnet110", 4, 8, -0.42),
            ("se_resnet164", 4, 8, 0.16),
            ("resnet164", 4, 8, 0.33),
            ("se_resnet110", 2, 12, 0.54),
            ("resnet110", 2, 12, 0.64),
            ("se_resnet164", 2, 12, 1.06),
            ("resnet164", 2, 12, 1.26),
            ("efficientnetb0", 2, 12, 0.30),
            ("efficientnetb0", 4, 12, 0.65),
        )
    ),
    "photos": tuple(
        Evidence(network=name, dataset="imagenet", into=into, narrowest=width, gain=gain)
        for name, into, width, gain in (
            ("efficientnetb7", 2, 24, 0.91),
            ("efficientnetb7", 4, 24, 0.92),
            ("wide_resnet50_2", 2, 64, -1.02),
        )
    ),
}


def advise(narrowest: int | None, image_size: int) -> str | None:
    """A warning if S networks are narrower than those that gained in the paper.

    Args:
        narrowest: Width of the narrowest stage of one of them; None if unknown.
        image_size: Pixels.
    """
    images: Images = "photos" if image_size >= 96 else "small images"
    enough = WIDE_ENOUGH[images]
    if narrowest is None or narrowest >= enough:
        return None
    cases = EVIDENCE[images]
    near = [case for case in cases if case.narrowest >= narrowest]
    least = min((case.narrowest for case in near), default=None)
    told = "; ".join(str(case) for case in near if case.narrowest == least)
    return (
        f"may lose accuracy: a stage of {narrowest} channels; published on {images}, all networks "
        f"gained at {enough} or more, and in points of accuracy {told}"
        " (arXiv:2011.14660). Compare on a small run first"
    )
