"""Image files as uint8 tensors, and sets of images in memory or on disk."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from cotrain.data.decoding import decode
from cotrain.ensemble.preprocessing import Preprocessing

_LONGEST = 8  # no photo is as long, in its widths; a panorama is up to four


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
        return to_tensor(_decode(self.paths[index], self.preprocessing))


def read_image(file: str | Path | BinaryIO, preprocessing: Preprocessing) -> Tensor:
    """One file at the network's size and channels, uint8 [C, H, W].

    Raises:
        UnreadableImageError: The file cannot be decoded.
    """
    return to_tensor(resize_and_crop(_decode(file, preprocessing), preprocessing))


def _decode(file: str | Path | BinaryIO, preprocessing: Preprocessing) -> Image.Image:
    return decode(file, preprocessing.in_channels, background=preprocessing.background)


def resize_and_crop(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """Resize the shorter side to the margin's size (bicubic), then crop the centre.

    An image that has that size already is not changed. Sizes round as torchvision's ``Resize``
    and ``CenterCrop``. Of a long strip the ends are cut off first, which the crop would not show:
    a file of 500 bytes can hold a strip that would need gigabytes when it is resized.
    """
    size = preprocessing.image_size
    image = _without_ends(image)
    shorter, least = int(preprocessing.margin * size), min(image.size)
    if least != shorter:
        width, height = (int(shorter * side / least) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (round((side - size) / 2) for side in image.size)
    return image.crop((left, top, left + size, top + size))


def _without_ends(image: Image.Image) -> Image.Image:
    """At most the middle part that is eight times as long as wide."""
    longest = _LONGEST * min(image.size)
    if max(image.size) <= longest:
        return image
    width, height = (min(side, longest) for side in image.size)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def to_tensor(image: Image.Image) -> Tensor:
    """A grey or RGB image as uint8 [C, H, W]."""
    return torch.from_numpy(np.array(image)).view(image.height, image.width, -1).permute(2, 0, 1)
