"""AutoAugment of many images at once: what chance decides for each, then equal changes together.

Policies and magnitudes are torchvision's (arXiv:1805.09501); so are the draws, one image after the
other, and the results. Images that one kind of operation changes are changed together, each by its
own parameters, so that the number of calls does not grow with the images.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from cotrain.basics.shapes import UInt8
from cotrain.data.views.changes import KINDS, PARAMETERS, Change, kind_of, parameters_of

AUTOAUGMENT = {
    "autoaugment-cifar10": "CIFAR10",
    "autoaugment-imagenet": "IMAGENET",
    "autoaugment-svhn": "SVHN",
}
_BINS = 10  # magnitudes that a policy can name


class Round(NamedTuple):
    """At most one change of every image.

    Attributes:
        order: The images that change, int64 [n]: those of the first kind, then of the second...
        kinds: Each kind of change, and how many images it changes.
        parameters: What each of these images is changed by, float32 [n, 6].
    """

    order: Tensor
    kinds: Sequence[tuple[str, int]]
    parameters: Tensor


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


def in_rounds(changes: Sequence[Sequence[Change | None]], image_size: int) -> list[Round]:
    """The changes of all images, sorted so that those of a kind can be made together."""
    return [_round(step, image_size) for step in zip(*changes, strict=True)]


def _round(changes: Sequence[Change | None], image_size: int) -> Round:
    images: dict[str, list[tuple[int, Change]]] = {}
    for index, change in enumerate(changes):
        if change is not None:
            images.setdefault(kind_of(change), []).append((index, change))
    sorted_ = [pair for pairs in images.values() for pair in pairs]
    parameters = [parameters_of(change, image_size) for _, change in sorted_]
    return Round(
        order=torch.tensor([index for index, _ in sorted_]).long(),
        kinds=[(kind, len(pairs)) for kind, pairs in images.items()],
        parameters=torch.tensor(parameters, dtype=torch.float32).reshape(-1, PARAMETERS),
    )


def apply_rounds(
    pixels: UInt8[Tensor, "N 3 H W"], rounds: Sequence[Round]
) -> UInt8[Tensor, "N 3 H W"]:
    """Change images with what ``in_rounds`` gave for all N."""
    for order, kinds, parameters in rounds:
        counts = [count for _, count in kinds]
        parts = zip(pixels[order].split(counts), parameters.split(counts), strict=True)
        changed = [KINDS[kind](*part) for (kind, _), part in zip(kinds, parts, strict=True)]
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
