"""Mixup and cutmix of a batch: one draw shared by all views, so that their targets agree."""

import math
import random
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from cotrain.basics.seeds import seeded
from cotrain.basics.shapes import Float, Int


class Batch(NamedTuple):
    """Images with their targets, as a loader gives them.

    Attributes:
        images: float32, views [S, B, C, H, W] in training, [B, C, H, W] in evaluation.
        targets: Classes, int64 [B], or after mixing their shares, float32 [B, classes].
    """

    images: Tensor
    targets: Tensor


class Box(NamedTuple):
    """Rows ``top`` to ``bottom`` and columns ``left`` to ``right``, the ends excluded."""

    top: int
    bottom: int
    left: int
    right: int


class Mix(NamedTuple):
    """How every image of a batch is mixed with another one, in all S views alike.

    Attributes:
        permutation: The other images, int64 [B].
        share: Share of the image itself, for mixup.
        box: Where the other image is put, for cutmix; None mixes by ``share``.
    """

    permutation: Tensor
    share: float
    box: Box | None

    def own_share(self, size: int) -> float:
        """Share of the image itself in the mixed one of ``size`` pixels a side."""
        return self.share if self.box is None else _uncovered(self.box, size, size)


def draw_mix(batch: int, size: int, *, mixup: float, cutmix: float, seed: int) -> Mix | None:
    """Decide how to mix; None if both are off.

    Args:
        batch: B.
        size: Height and width of the images.
        mixup: Alpha of mixup's Beta distribution; 0 is off.
        cutmix: Alpha of cutmix's Beta distribution; 0 is off. With both on, each is as likely.
        seed: Seed of the draw; equal seeds mix equally.
    """
    if not mixup and not cutmix:
        return None
    with seeded(seed):
        permutation = torch.randperm(batch)
        cut = bool(cutmix) and (not mixup or random.random() < 0.5)
        alpha = cutmix if cut else mixup
        share = random.betavariate(alpha, alpha)
        return Mix(permutation, share, draw_box(share, size, size) if cut else None)


def apply_mix(batch: Batch, mix: Mix | None, num_classes: int) -> Batch:
    """The batch mixed, with targets [B, num_classes]; as it is if ``mix`` is None."""
    if mix is None:
        return batch
    if mix.box is not None:
        return cutmix_batch(batch, mix.permutation, mix.box, num_classes)
    return mixup_batch(batch, mix.permutation, mix.share, num_classes)


def mixup_batch(
    batch: Batch, permutation: Int[Tensor, " B"], share: float, num_classes: int
) -> Batch:
    """``share`` of every image plus ``1 - share`` of another (arXiv:1710.09412, Eq. 1)."""
    images = torch.lerp(batch.images[:, permutation], batch.images, share)
    return Batch(images, _soft_targets(batch.targets, permutation, share, num_classes))


def cutmix_batch(batch: Batch, permutation: Int[Tensor, " B"], box: Box, num_classes: int) -> Batch:
    """Every image with ``box`` filled from another one (arXiv:1905.04899, Eq. 1).

    The targets' shares are those of the area that is really covered.
    """
    top, bottom, left, right = box
    height, width = batch.images.shape[-2:]
    rows, columns = (torch.arange(n, device=batch.images.device) for n in (height, width))
    inside_rows = (rows >= top) & (rows < bottom)
    inside = inside_rows[:, None] & (columns >= left) & (columns < right)
    images = torch.where(inside, batch.images[:, permutation], batch.images)
    share = _uncovered(box, height, width)
    return Batch(images, _soft_targets(batch.targets, permutation, share, num_classes))


def _uncovered(box: Box, height: int, width: int) -> float:
    top, bottom, left, right = box
    return 1 - (bottom - top) * (right - left) / (height * width)


def draw_box(share: float, height: int, width: int) -> Box:
    """``1 - share`` of the area around a random pixel, clipped (arXiv:1905.04899, Eq. 2)."""
    side = math.sqrt(1 - share)
    half_height, half_width = int(height * side) // 2, int(width * side) // 2
    row, column = random.randrange(height), random.randrange(width)
    return Box(
        top=max(row - half_height, 0),
        bottom=min(row + half_height, height),
        left=max(column - half_width, 0),
        right=min(column + half_width, width),
    )


def _soft_targets(
    targets: Int[Tensor, " B"], permutation: Int[Tensor, " B"], share: float, num_classes: int
) -> Float[Tensor, "B C"]:
    """Shares of the image's own class and of its partner's."""
    hot = one_hot(targets, num_classes).float()
    return torch.lerp(hot[permutation], hot, share)
