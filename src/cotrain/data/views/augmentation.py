"""The random steps that turn a batch of images into one view of each.

A ``draw_`` function gives what chance decides for every image of a batch, from the global random
state of the CPU: run it inside ``cotrain.basics.seeds.seeded``. What it gives is done to
whole batches of pixels, on any device, by the function beside it (a loop over 64 small images costs
ten times as much). The ``random_`` functions cannot be parted so; they
take images one by one, on the CPU.
"""

import math
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Float, Int, UInt8
from cotrain.data.views.autoaugment import AUTOAUGMENT

# Of the sides of a crop, one to the other: torchvision's, which draws up to its inverse.
_LOWEST_RATIO = 3 / 4
_RAND_AUGMENT = (
    r"rand(-(m|n|mmax|inc)\d+|-(mstd|p)\d+(\.\d+)?)+"  # timm ignores what it cannot parse
)


def draw_moves(batch: int, *, padding: int, flip: bool) -> Int[Tensor, "3 B"]:
    """Shift down, shift left (each up to ``padding``) and flip (1, or 0) of images, int64.

    A shift of k shows the pixel k further down or right; half of the images are flipped.
    """
    moves = torch.zeros(3, batch, dtype=torch.int64)
    if padding:
        moves[:2] = torch.randint(2 * padding + 1, (2, batch)) - padding
    if flip:
        moves[2] = torch.rand(batch) < 0.5
    return moves


def crop_and_flip(
    pixels: UInt8[Tensor, "#S B C H W"], moves: Int[Tensor, "S 3 B"], *, padding: int
) -> UInt8[Tensor, "S B C H W"]:
    """Shift images, zeros coming in from outside, then flip them left to right.

    Args:
        pixels: Of every network, or once for all.
        moves: Of ``draw_moves``.
        padding: The largest shift.
    """
    _, batch, channels, height, width = pixels.shape
    down, right, flipped = moves.unbind(1)
    rows, columns = (torch.arange(size, device=pixels.device) for size in (height, width))
    columns = torch.where(flipped[..., None] > 0, width - 1 - columns, columns)
    rows = (down + padding)[..., None] + rows
    columns = (right + padding)[..., None] + columns
    # One look-up in each flattened, padded image does both.
    places = rows[..., :, None] * (width + 2 * padding) + columns[..., None, :]
    shape = (len(moves), batch, channels, -1)
    padded = pad(pixels, (padding,) * 4).flatten(3).expand(shape)
    return padded.gather(3, places.flatten(2)[:, :, None].expand(shape)).unflatten(
        3, (height, width)
    )


def random_resized_crop(
    originals: Iterable[UInt8[Tensor, "C _ _"]], size: int, scale: tuple[float, float]
) -> UInt8[Tensor, "B C H W"]:
    """Cut a random share of each image and resize it (bicubic)."""
    transform = _resized_crop(size, *scale)
    return torch.stack([transform(original) for original in originals])


def enough_for_crops(original: tuple[int, int], *, size: int, least: float) -> int:
    """Pixels that each side of an image must keep for its smallest crop to have ``size`` of them.

    Args:
        original: Width and height.
        size: That crops are resized to.
        least: The smallest share of the area that is cut out.
    """
    smallest = math.sqrt(_LOWEST_RATIO * least * math.prod(original))
    return math.ceil(min(original) * size / smallest)


@lru_cache
def _resized_crop(size: int, least: float, most: float) -> Callable[[Tensor], Tensor]:
    from torchvision.transforms import v2

    bicubic = v2.InterpolationMode.BICUBIC
    return v2.RandomResizedCrop(size, scale=(least, most), interpolation=bicubic, antialias=True)


def draw_rectangles(
    batch: int,
    size: tuple[int, int],
    *,
    probability: float,
    scale: tuple[float, float],
    ratio: tuple[float, float],
) -> Int[Tensor, "4 B"]:
    """First and last row, first and last column (the last ones excluded) to erase, int64.

    As torchvision's ``RandomErasing`` (arXiv:1708.04896): area uniform in ``scale``, aspect ratio
    log-uniform in ``ratio``, drawn up to 10 times until the rectangle is smaller than the image in
    both ways. Of images that are not erased both rows are equal.
    """
    height, width = size
    area = height * width * torch.empty(batch, 10).uniform_(*scale)
    aspect = torch.empty(batch, 10).uniform_(*torch.tensor(ratio).log().tolist()).exp()
    rows, columns = (area * aspect).sqrt().round(), (area / aspect).sqrt().round()
    fits = (rows < height) & (columns < width)
    first = fits.int().argmax(1, keepdim=True)
    rows, columns = rows.gather(1, first), columns.gather(1, first)
    erased = fits.any(1, keepdim=True) & (torch.rand(batch, 1) < probability)
    top = (torch.rand(batch, 1) * (height - rows + 1)).floor()
    left = (torch.rand(batch, 1) * (width - columns + 1)).floor()
    return torch.cat([top, top + rows * erased, left, left + columns], 1).long().t()


def erase(
    images: Float[Tensor, "S B C H W"], rectangles: Int[Tensor, "S 4 B"]
) -> Float[Tensor, "S B C H W"]:
    """Set a rectangle of each normalised image to 0, in place.

    Args:
        images: Are changed.
        rectangles: Of ``draw_rectangles``.
    """
    top, bottom, left, right = rectangles[..., None].unbind(1)
    rows, columns = (torch.arange(size, device=images.device) for size in images.shape[-2:])
    inside_rows = (rows >= top) & (rows < bottom)
    inside_columns = (columns >= left) & (columns < right)
    inside = inside_rows[..., :, None] & inside_columns[..., None, :]
    return images.masked_fill_(inside[:, :, None], 0)


def random_policy(pixels: UInt8[Tensor, "B 3 H W"], name: str) -> UInt8[Tensor, "B 3 H W"]:
    """Apply RandAugment to RGB pixels, with Pillow; see check_policy."""
    policy = _rand_augment(name, pixels.shape[-1])
    return torch.stack([policy(image) for image in pixels])


def check_policy(name: str, *, channels: int) -> None:
    """Raise ConfigError for an unknown policy, or one for grey images.

    ``autoaugment-cifar10``, ``-imagenet`` or ``-svhn`` is torchvision's (arXiv:1805.09501) with
    grey fill; ``rand-m9-mstd0.5`` and the like is timm's RandAugment (arXiv:1909.13719).
    """
    if channels != 3:
        raise ConfigError(
            f"views.policy={name} changes colours, but data.in_channels={channels}: "
            "use --views.policy none or --data.in_channels 3"
        )
    if name not in AUTOAUGMENT and not re.fullmatch(_RAND_AUGMENT, name):
        raise ConfigError(
            f"views.policy={name!r} is not known: use none, {', '.join(AUTOAUGMENT)} "
            "or a timm RandAugment string such as rand-m9-mstd0.5"
        )


@lru_cache
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
