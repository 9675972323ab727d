"""Classes of different numbers of images: what an image counts, and how often it is drawn.

Shapes: N images, C classes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Int


def images_by_class(targets: Int[Tensor, " N"], classes: Sequence[str]) -> list[Int[Tensor, " n"]]:
    """The indices of each class.

    Raises:
        ConfigError: A class has no image.
    """
    found = [(targets == index).nonzero().flatten() for index in range(len(classes))]
    empty = [name for name, own in zip(classes, found, strict=True) if not len(own)]
    if empty:
        raise ConfigError(
            f"class {empty[0]!r} has no training image, so that nothing balances it: give it "
            "images, remove it, or leave out weights.classes and weights.sampler"
        )
    return found


def balanced_weights(targets: Int[Tensor, " N"], classes: Sequence[str]) -> tuple[float, ...]:
    """``N / (C * n)`` of each class of n images, as scikit-learn's ``balanced``.

    Their mean over the images is 1.

    Raises:
        ConfigError: A class has no image.
    """
    counts = [len(own) for own in images_by_class(targets, classes)]
    return tuple(len(targets) / (len(counts) * count) for count in counts)


def balanced_order(
    by_class: Sequence[Int[Tensor, " n"]], generator: torch.Generator
) -> Int[Tensor, " N"]:
    """N indices, of every class as many but for one; which classes have one more is drawn.

    Of a class every image is drawn as often, but for once.

    Args:
        by_class: The indices of each class, none empty.
        generator: All that the order depends on.
    """
    size, count = sum(map(len, by_class)), len(by_class)
    quotas = torch.full((count,), size // count)
    quotas[torch.randperm(count, generator=generator)[: size % count]] += 1
    drawn = [
        _rounds(own, quota, generator) for own, quota in zip(by_class, quotas.tolist(), strict=True)
    ]
    order = torch.cat(drawn)
    return order[torch.randperm(size, generator=generator)]


def _rounds(own: Tensor, quota: int, generator: torch.Generator) -> Tensor:
    """``quota`` of a class's indices: all of them, shuffled anew, as often as it takes."""
    places = [torch.randperm(len(own), generator=generator) for _ in range(0, quota, len(own))]
    return own[torch.cat([*places, torch.zeros(0).long()])[:quota]]
