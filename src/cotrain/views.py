"""One image, S views: each network sees its own random augmentation of it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from cotrain.augmentation import (
    build_policy,
    random_crop,
    random_erasing,
    random_flip,
    random_policy,
    random_resized_crop,
)
from cotrain.config import Views
from cotrain.errors import ConfigError
from cotrain.preprocessing import Preprocessing
from cotrain.seeds import seeded


def make_views(
    images: Tensor | Sequence[Tensor],
    views: Views,
    preprocessing: Preprocessing,
    seeds: Sequence[int],
) -> Tensor:
    """S views of each image, drawn independently and normalised: float32 [S, B, C, H, W].

    Args:
        images: uint8 [B, C, H, W] at the network's size; for ``views.crop="resized"`` also a list
            of B images [C, h, w] of any size.
        views: How an image becomes a view; ``same_view`` gives all networks the first one's.
        preprocessing: Size, mean and standard deviation.
        seeds: S seeds, one for each network; a view is a function of image and seed alone.
    """
    if views.same_view:
        view = _make_view(images, views, preprocessing, seeds[0])
        return view.expand(len(seeds), *view.shape)
    return torch.stack([_make_view(images, views, preprocessing, seed) for seed in seeds])


def _make_view(
    images: Tensor | Sequence[Tensor], views: Views, preprocessing: Preprocessing, seed: int
) -> Tensor:
    with seeded(seed):
        pixels = _crop(images, views, preprocessing.image_size)
        if views.flip:
            pixels = random_flip(pixels)
        if views.policy != "none":
            pixels = random_policy(pixels, views.policy)
        view = preprocessing.normalize(pixels)
        if views.erasing:
            view = random_erasing(view, views.erasing, views.erasing_scale, views.erasing_ratio)
        return view


def _crop(images: Tensor | Sequence[Tensor], views: Views, size: int) -> Tensor:
    if views.crop == "resized":
        return random_resized_crop(images, size, views.scale)
    pixels = images if isinstance(images, Tensor) else torch.stack(list(images))
    return random_crop(pixels, views.padding) if views.crop == "pad" else pixels


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
    if views.policy != "none":
        size, channels = preprocessing.image_size, preprocessing.in_channels
        build_policy(views.policy, channels=channels, image_size=size)
