"""One image, S views: each network sees its own random augmentation of it.

Chance and pixels are kept apart: ``draw_views`` decides on the CPU, from the seeds, and
``apply_views`` does it to all views at once, where the pixels are. So a view is the same
function of image and seed on every device.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.seeds import seeded
from cotrain.basics.shapes import Float, Int, UInt8
from cotrain.config import Views
from cotrain.data.views.augmentation import (
    check_policy,
    crop_and_flip,
    draw_moves,
    draw_rectangles,
    erase,
    random_policy,
    random_resized_crop,
)
from cotrain.data.views.autoaugment import (
    AUTOAUGMENT,
    Round,
    apply_rounds,
    draw_changes,
    in_rounds,
)
from cotrain.data.views.changes import Change
from cotrain.ensemble.preprocessing import Preprocessing


class DrawnViews(NamedTuple):
    """Images, and what is to be done to them; S is 1 if all networks see the same view.

    Attributes:
        pixels: uint8 [1, B, C, H, W], or [S, B, C, H, W] where part is done: crops of files of
            different sizes and RandAugment, which needs Pillow.
        moves: Shifts and flips, int64 [S, 3, B].
        rounds: AutoAugment's changes of the S*B images.
        rectangles: What is erased, int64 [S, 4, B]; None for nothing.
    """

    pixels: Tensor
    moves: Tensor
    rounds: Sequence[Round]
    rectangles: Tensor | None


class _DrawnView(NamedTuple):
    """One network's part of ``DrawnViews``: without the axis S."""

    pixels: Tensor
    moves: Tensor
    changes: list[list[Change | None]]
    rectangles: Tensor | None


def draw_views(
    images: UInt8[Tensor, "B C H W"] | Sequence[UInt8[Tensor, "C _ _"]],
    views: Views,
    preprocessing: Preprocessing,
    seeds: Sequence[int],
) -> DrawnViews:
    """Decide S views of each image, independently.

    Args:
        images: At the network's size; for ``views.crop="resized"`` also B images of any size.
        views: How an image becomes a view; ``same_view`` gives all networks the first one's.
        preprocessing: The size.
        seeds: S seeds, one for each network; a view is a function of image and seed alone.
    """
    seeds = seeds[:1] if views.same_view else seeds
    drawn = [_draw_view(images, views, preprocessing.image_size, seed) for seed in seeds]
    apart = views.crop == "resized" or _needs_pillow(views)
    rectangles = [each.rectangles for each in drawn if each.rectangles is not None]
    return DrawnViews(
        pixels=torch.stack([each.pixels for each in (drawn if apart else drawn[:1])]),
        moves=torch.stack([each.moves for each in drawn]),
        rounds=in_rounds(
            [change for each in drawn for change in each.changes], preprocessing.image_size
        ),
        rectangles=torch.stack(rectangles) if rectangles else None,
    )


def _draw_view(
    images: UInt8[Tensor, "B C H W"] | Sequence[UInt8[Tensor, "C _ _"]],
    views: Views,
    size: int,
    seed: int,
) -> _DrawnView:
    with seeded(seed):
        if views.crop == "resized":
            pixels = random_resized_crop(images, size, views.scale)
        else:
            pixels = images if isinstance(images, Tensor) else torch.stack(list(images))
        batch, padding = len(pixels), _padding(views)
        moves = draw_moves(batch, padding=padding, flip=views.flip)
        changes: list[list[Change | None]] = []
        if _needs_pillow(views):
            moved = crop_and_flip(pixels[None], moves[None], padding=padding)
            pixels, moves = random_policy(moved[0], views.policy), torch.zeros_like(moves)
        elif views.policy != "none":
            changes = draw_changes(views.policy, batch, size)
        rectangles = _draw_rectangles(views, batch, size) if views.erasing else None
        return _DrawnView(pixels, moves, changes, rectangles)


def _draw_rectangles(views: Views, batch: int, size: int) -> Int[Tensor, "4 B"]:
    return draw_rectangles(
        batch,
        (size, size),
        probability=views.erasing,
        scale=views.erasing_scale,
        ratio=views.erasing_ratio,
    )


def apply_views(
    drawn: DrawnViews,
    views: Views,
    preprocessing: Preprocessing,
    *,
    into: int,
    channels_last: bool = False,
) -> Float[Tensor, "S B C H W"]:
    """The views, normalised, float32, on the device that ``drawn`` is on.

    Args:
        drawn: What ``draw_views`` gave.
        views: As given there.
        preprocessing: Mean and standard deviation.
        into: S.
        channels_last: Lay every view out as [B, H, W, C] in memory; the values are the same.
    """
    pixels = crop_and_flip(drawn.pixels, drawn.moves, padding=_padding(views))
    if drawn.rounds:
        pixels = apply_rounds(pixels.flatten(0, 1), drawn.rounds).unflatten(0, pixels.shape[:2])
    images = preprocessing.normalize(pixels)
    if drawn.rectangles is not None:
        images = erase(images, drawn.rectangles)
    if channels_last:  # last: the steps before are up to five times slower in this layout
        images = images.movedim(2, -1).contiguous().movedim(-1, 2)
    return images.expand(into, *images.shape[1:])


def _padding(views: Views) -> int:
    return views.padding if views.crop == "pad" else 0


def _needs_pillow(views: Views) -> bool:
    return views.policy != "none" and views.policy not in AUTOAUGMENT


def check_views(views: Views, preprocessing: Preprocessing) -> None:
    """Raise ConfigError for views that no image can have, before the first batch is made."""
    for name, (least, most) in {
        "scale": views.scale,
        "erasing_scale": views.erasing_scale,
        "erasing_ratio": views.erasing_ratio,
    }.items():
        if not 0 < least <= most or (name.endswith("scale") and most > 1):
            raise ConfigError(
                f"views.{name}=({least}, {most}) is not a range: give a positive minimum and "
                "a maximum above it" + (", at most 1" if name.endswith("scale") else "")
            )
    if views.crop == "pad" and views.padding > preprocessing.image_size:
        raise ConfigError(
            f"views.padding={views.padding} is more than an image of "
            f"{preprocessing.image_size} pixels: give less"
        )
    if views.policy != "none":
        check_policy(views.policy, channels=preprocessing.in_channels)
