"""Image files as uint8 tensors, and sets of images in memory or on disk."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.ensemble.preprocessing import Preprocessing


class UnreadableImageError(ConfigError):
    """An image file that cannot be decoded; the message names it, ``reason`` says why."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class Images(Protocol):
    """N images with their classes; ``targets`` is int64 [N]."""

    @property
    def targets(self) -> Tensor: ...

    def __len__(self) -> int: ...

    def pixels(self, indices: Sequence[int]) -> Tensor:
        """The images at ``indices`` at the network's size, uint8 [B, C, H, W]."""
        ...

    def original(self, index: int) -> Tensor:
        """One image at the size it is kept in, uint8 [C, h, w]."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class TensorImages:
    """Images decoded once and kept in memory; forked loader processes share them.

    Args:
        tensor: uint8 [N, C, H, W].
        targets: Classes, int64 [N].
    """

    tensor: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def pixels(self, indices: Sequence[int]) -> Tensor:
        return self.tensor[torch.as_tensor(indices)]

    def original(self, index: int) -> Tensor:
        return self.tensor[index]


@dataclass(frozen=True, kw_only=True, eq=False)
class FileImages:
    """Images decoded from their files whenever they are asked for.

    Args:
        paths: N image files.
        targets: Classes, int64 [N].
        preprocessing: Size and channels that ``pixels`` gives.
    """

    paths: Sequence[str]
    targets: Tensor
    preprocessing: Preprocessing

    def __len__(self) -> int:
        return len(self.targets)

    def pixels(self, indices: Sequence[int]) -> Tensor:
        return torch.stack([read_image(self.paths[i], self.preprocessing) for i in indices])

    def original(self, index: int) -> Tensor:
        return to_tensor(decode(self.paths[index], self.preprocessing.in_channels))


def read_image(path: str | Path, preprocessing: Preprocessing) -> Tensor:
    """One file at the network's size and channels, uint8 [C, H, W].

    Raises:
        UnreadableImageError: The file cannot be decoded.
    """
    return to_tensor(fit(decode(path, preprocessing.in_channels), preprocessing))


def decode(path: str | Path, in_channels: int, *, quick: bool = False) -> Image.Image:
    """The image in a file, as RGB (3 channels) or grey (1); its EXIF rotation is not applied.

    Args:
        path: A file of any format that Pillow reads.
        in_channels: 3 or 1.
        quick: Read all of the file, but give a JPEG at an eighth of its size.

    Raises:
        UnreadableImageError: The file is missing, cut short or not an image.
    """
    try:
        with Image.open(path) as image:
            if quick:
                image.draft(None, (1, 1))
            return _convert(image, in_channels)
    except Exception as error:  # Pillow's plugins raise a dozen kinds for damaged files
        not_image = isinstance(error, UnidentifiedImageError)
        reason = "not an image" if not_image else str(error) or type(error).__name__
        raise UnreadableImageError(
            f"{path} cannot be decoded ({reason}): remove or replace it", reason
        ) from error


def _convert(image: Image.Image, in_channels: int) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow would clip at 255, not scale
        grey = (np.asarray(image) / 257).round().clip(0, 255)
        image = Image.fromarray(grey.astype(np.uint8))
    elif "transparency" in image.info:  # of a palette: Pillow warns unless asked for alpha first
        image = image.convert("RGBA")
    return image.convert("L" if in_channels == 1 else "RGB")


def fit(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """Resize the shorter side to the margin's size (bicubic), then crop the centre.

    An image that has that size already is not changed. Sizes round as torchvision's ``Resize``
    and ``CenterCrop``.
    """
    size = preprocessing.image_size
    shorter, least = int(preprocessing.margin * size), min(image.size)
    if least != shorter:
        width, height = (int(shorter * side / least) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (round((side - size) / 2) for side in image.size)
    return image.crop((left, top, left + size, top + size))


def to_tensor(image: Image.Image) -> Tensor:
    """A grey or RGB image as uint8 [C, H, W]."""
    return torch.from_numpy(np.array(image)).view(image.height, image.width, -1).permute(2, 0, 1)
