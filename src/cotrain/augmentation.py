"""The random steps that turn a batch of images into one view of each.

Every step takes and gives a batch [B, C, H, W] and draws anew for every image, from the global
random state: run it inside :func:`cotrain.seeds.seeded`. Crop, flip and erasing work on the whole
batch at once (a loop over 64 small images costs ten times as much).
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from cotrain.errors import ConfigError

_AUTOAUGMENT = {
    "autoaugment-cifar10": "CIFAR10",
    "autoaugment-imagenet": "IMAGENET",
    "autoaugment-svhn": "SVHN",
}
_RAND_AUGMENT = (
    r"rand(-(m|n|mmax|inc)\d+|-(mstd|p)\d+(\.\d+)?)+"  # timm ignores what it cannot parse
)


def random_crop(pixels: Tensor, padding: int) -> Tensor:
    """Pad with ``padding`` zeros on each side and cut the old size out at a random place."""
    batch, _, height, width = pixels.shape
    top, left = torch.randint(2 * padding + 1, (2, batch))
    padded = pad(pixels, (padding,) * 4)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # a view: nothing is copied yet
    return windows[torch.arange(batch), :, top, left]


def random_resized_crop(
    originals: Iterable[Tensor], size: int, scale: tuple[float, float]
) -> Tensor:
    """Cut a random share of each image (uint8 [C, h, w], any size) and resize it (bicubic)."""
    transform = _resized_crop(size, *scale)
    return torch.stack([transform(original) for original in originals])


@lru_cache
def _resized_crop(size: int, least: float, most: float) -> Callable[[Tensor], Tensor]:
    from torchvision.transforms import v2

    bicubic = v2.InterpolationMode.BICUBIC
    return v2.RandomResizedCrop(size, scale=(least, most), interpolation=bicubic, antialias=True)


def random_flip(images: Tensor) -> Tensor:
    """Flip half of the images left to right."""
    flipped = torch.rand(len(images)) < 0.5
    result = images.clone()
    result[flipped] = images[flipped].flip(-1)
    return result


def random_erasing(
    images: Tensor, probability: float, scale: tuple[float, float], ratio: tuple[float, float]
) -> Tensor:
    """Set a rectangle to 0 in a share of the normalised images (arXiv:1708.04896).

    As torchvision's ``RandomErasing``: area uniform in ``scale``, aspect ratio log-uniform in
    ``ratio``, drawn up to 10 times until the rectangle is smaller than the image in both ways.
    """
    batch, _, height, width = images.shape
    area = height * width * torch.empty(batch, 10).uniform_(*scale)
    aspect = torch.empty(batch, 10).uniform_(*torch.tensor(ratio).log().tolist()).exp()
    rows, columns = (area * aspect).sqrt().round(), (area / aspect).sqrt().round()
    fits = (rows < height) & (columns < width)
    first = fits.int().argmax(1, keepdim=True)
    rows, columns = rows.gather(1, first), columns.gather(1, first)
    erased = fits.any(1, keepdim=True) & (torch.rand(batch, 1) < probability)
    inside_rows = _random_span(rows, height) & erased
    inside_columns = _random_span(columns, width)
    return images.masked_fill(inside_rows[:, None, :, None] & inside_columns[:, None, None, :], 0)


def _random_span(lengths: Tensor, size: int) -> Tensor:
    """A mask [B, size] with ``lengths`` [B, 1] neighbours set, at a uniformly drawn place."""
    start = (torch.rand_like(lengths) * (size - lengths + 1)).floor()
    place = torch.arange(size)
    return (place >= start) & (place < start + lengths)


def random_policy(pixels: Tensor, name: str) -> Tensor:
    """Apply AutoAugment or RandAugment to RGB pixels, uint8 [B, 3, H, W]; see build_policy."""
    policy = build_policy(name, channels=pixels.shape[1], image_size=pixels.shape[-1])
    return torch.stack([policy(image) for image in pixels])


@lru_cache
def build_policy(name: str, *, channels: int, image_size: int) -> Callable[[Tensor], Tensor]:
    """The policy ``views.policy`` names, as a function of one image, uint8 [3, H, W].

    ``autoaugment-cifar10``, ``-imagenet`` or ``-svhn`` is torchvision's (arXiv:1805.09501) with
    grey fill; ``rand-m9-mstd0.5`` and the like is timm's RandAugment (arXiv:1909.13719).

    Raises:
        ConfigError: An unknown policy, or grey images.
    """
    if channels != 3:
        raise ConfigError(
            f"views.policy={name} changes colours, but data.in_channels={channels}: "
            "use --views.policy none or --data.in_channels 3"
        )
    if name in _AUTOAUGMENT:
        from torchvision.transforms import v2

        return v2.AutoAugment(v2.AutoAugmentPolicy[_AUTOAUGMENT[name]], fill=[128, 128, 128])
    if re.fullmatch(_RAND_AUGMENT, name):
        return _rand_augment(name, image_size)
    raise ConfigError(
        f"views.policy={name!r} is not known: use none, {', '.join(_AUTOAUGMENT)} "
        "or a timm RandAugment string such as rand-m9-mstd0.5"
    )


def _rand_augment(name: str, image_size: int) -> Callable[[Tensor], Tensor]:
    from timm.data.auto_augment import rand_augment_transform
    from torchvision.transforms.v2 import functional

    # 0.45 of the size and the fill (ImageNet's mean colour): the recipes of arXiv:2011.14660.
    options: dict[str, Any] = {
        "translate_const": int(0.45 * image_size),
        "img_mean": (124, 116, 104),
    }
    policy = rand_augment_transform(name, options)
    return lambda image: functional.pil_to_tensor(policy(functional.to_pil_image(image)))
