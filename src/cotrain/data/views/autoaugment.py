"""AutoAugment of many images at once: what chance decides for each, then equal changes together.

Policies and magnitudes are torchvision's (arXiv:1805.09501); so are the draws, one image after the
other, and the results. Images that one operation changes by one magnitude are changed in one call.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from cotrain.basics.shapes import UInt8

AUTOAUGMENT = {
    "autoaugment-cifar10": "CIFAR10",
    "autoaugment-imagenet": "IMAGENET",
    "autoaugment-svhn": "SVHN",
}
_FILL = [128.0, 128.0, 128.0]
_BINS = 10  # magnitudes that a policy can name


class Change(NamedTuple):
    """An operation by its name in the paper, and how strongly it changes an image."""

    operation: str
    magnitude: float


class Round(NamedTuple):
    """At most one change of every image.

    Attributes:
        order: The images that change, int64 [n]: those of the first change, then of the second...
        changes: Each change, and how many images it changes.
    """

    order: Tensor
    changes: Sequence[tuple[Change, int]]


def draw_changes(name: str, batch: int, image_size: int) -> list[list[Change | None]]:
    """For each of ``batch`` images what the policy's two steps do to it; None is nothing."""
    policies = _policies(name)
    return [
        [_draw_change(step, image_size) for step in policies[int(torch.randint(len(policies), ()))]]
        for _ in range(batch)
    ]


def _draw_change(step: tuple[str, float, int | None], image_size: int) -> Change | None:
    operation, probability, index = step
    if torch.rand(()) > probability:
        return None
    if index is None:
        return Change(operation, 0.0)
    magnitudes, signed = _magnitudes(operation, image_size)
    negative = signed and bool(torch.rand(()) <= 0.5)
    return Change(operation, -magnitudes[index] if negative else magnitudes[index])


def in_rounds(changes: Sequence[Sequence[Change | None]]) -> list[Round]:
    """The changes of all images, sorted so that equal ones can be made together."""
    return [_round(step) for step in zip(*changes, strict=True)]


def _round(changes: Sequence[Change | None]) -> Round:
    images: dict[Change, list[int]] = {}
    for index, change in enumerate(changes):
        if change is not None:
            images.setdefault(change, []).append(index)
    order = torch.tensor([index for indices in images.values() for index in indices]).long()
    return Round(order, [(change, len(indices)) for change, indices in images.items()])


def apply_rounds(
    pixels: UInt8[Tensor, "N 3 H W"], rounds: Sequence[Round]
) -> UInt8[Tensor, "N 3 H W"]:
    """Change images with what ``in_rounds`` gave for all N."""
    for order, changes in rounds:
        parts = pixels[order].split([count for _, count in changes])
        pairs = zip(changes, parts, strict=True)
        changed = [_operations()[name](part, size) for ((name, size), _), part in pairs]
        if changed:
            pixels = pixels.index_copy(0, order, torch.cat(changed))
    return pixels


@lru_cache
def _policies(name: str) -> list[tuple[tuple[str, float, int | None], ...]]:
    from torchvision.transforms import AutoAugment, AutoAugmentPolicy

    return AutoAugment(AutoAugmentPolicy[AUTOAUGMENT[name]]).policies


@lru_cache
def _magnitudes(operation: str, image_size: int) -> tuple[list[float], bool]:
    """The magnitudes that a policy can name, and whether either sign is drawn."""
    if operation == "Posterize":
        return [float(round(8 - 4 * index / (_BINS - 1))) for index in range(_BINS)], False
    if operation == "Solarize":
        return torch.linspace(1, 0, _BINS).tolist(), False
    translate = 150 / 331 * image_size
    most = {"Shear": 0.3, "Translate": translate, "Rotate": 30.0}.get(operation.rstrip("XY"), 0.9)
    return torch.linspace(0, most, _BINS).tolist(), True


@lru_cache
def _operations() -> dict[str, Callable[[Tensor, float], Tensor]]:
    """What each operation does to images [n, 3, H, W], given its magnitude."""
    from torchvision.transforms.v2 import functional as F

    def affine(images: Tensor, *, shift: tuple[int, int] = (0, 0), shear: tuple = (0.0, 0.0)):
        center = [0.0, 0.0] if any(shear) else None
        options = {"angle": 0.0, "scale": 1.0, "fill": _FILL, "center": center}
        return F.affine(images, translate=list(shift), shear=list(shear), **options)

    def degrees(slope: float) -> float:
        return math.degrees(math.atan(slope))

    return {
        "ShearX": lambda x, m: affine(x, shear=(degrees(m), 0.0)),
        "ShearY": lambda x, m: affine(x, shear=(0.0, degrees(m))),
        "TranslateX": lambda x, m: affine(x, shift=(int(m), 0)),
        "TranslateY": lambda x, m: affine(x, shift=(0, int(m))),
        "Rotate": lambda x, m: F.rotate(x, m, fill=_FILL),
        "Brightness": lambda x, m: F.adjust_brightness(x, 1 + m),
        "Color": lambda x, m: F.adjust_saturation(x, 1 + m),
        "Contrast": lambda x, m: F.adjust_contrast(x, 1 + m),
        "Sharpness": lambda x, m: F.adjust_sharpness(x, 1 + m),
        "Posterize": lambda x, m: F.posterize(x, int(m)),
        "Solarize": lambda x, m: F.solarize(x, 255 * m),
        "AutoContrast": lambda x, m: F.autocontrast(x),
        "Equalize": lambda x, m: F.equalize(x),
        "Invert": lambda x, m: F.invert(x),
    }
