"""Image files as uint8 tensors, and sets of images in memory or on disk."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from cotrain.basics.ahead import one_ahead
from cotrain.data.decoding import UnreadableImageError, decode
from cotrain.data.fitting import fit_image
from cotrain.data.stored import Readable, Readables
from cotrain.ensemble.preprocessing import Preprocessing

# Pixels that each side of an image must keep, of its width and height.
Enough = Callable[[tuple[int, int]], int]


class Images(Protocol):
    """N images with their classes; ``targets`` is int64 [N]."""

    @property
    def targets(self) -> Tensor: ...

    def __len__(self) -> int: ...

    def pixels(self, indices: Sequence[int]) -> Tensor:
        """The images at ``indices`` at the network's size, uint8 [B, C, H, W]."""
        ...

    def original(self, index: int, enough: Enough | None = None) -> Tensor:
        """One image at the size it is kept in, uint8 [C, h, w]; a JPEG file perhaps at a smaller
        one, of which each side has the pixels that are ``enough``."""
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

    def original(self, index: int, enough: Enough | None = None) -> Tensor:
        return self.tensor[index]


@dataclass(frozen=True, kw_only=True, eq=False)
class FileImages:
    """Images decoded whenever they are asked for.

    Args:
        paths: N image files, or what else images are read from.
        targets: Classes, int64 [N].
        preprocessing: Size and channels that ``pixels`` gives.
        shards: Which file each lies in with others, int64 [N], to be read one after the other; None
            where order costs nothing.
    """

    paths: Readables
    targets: Tensor
    preprocessing: Preprocessing
    shards: Tensor | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def pixels(self, indices: Sequence[int]) -> Tensor:
        return torch.stack([read_image(self.paths[i], self.preprocessing) for i in indices])

    def original(self, index: int, enough: Enough | None = None) -> Tensor:
        return read_whole(self.paths[index], self.preprocessing, enough)


def read_image(file: Readable | Path, preprocessing: Preprocessing) -> Tensor:
    """One file at the network's size and channels, uint8 [C, H, W].

    Raises:
        UnreadableImageError: The file cannot be decoded.
    """
    return to_tensor(fit_image(_decode(file, preprocessing), preprocessing))


def read_batches(
    files: Sequence[Readable], preprocessing: Preprocessing, batch_size: int
) -> Iterator[list[Tensor | UnreadableImageError]]:
    """Files in batches, each uint8 [C, H, W], of which one is decoded while the caller has another.

    What cannot be decoded is the reason why.
    """

    def read(file: Readable) -> Tensor | UnreadableImageError:
        try:
            return read_image(file, preprocessing)
        except UnreadableImageError as error:
            return error

    starts = range(0, len(files), batch_size)
    pool = reading_threads()
    try:
        begun = (pool.map(read, files[start : start + batch_size]) for start in starts)
        yield from map(list, one_ahead(begun))
    finally:
        pool.shutdown(cancel_futures=True)  # a caller that stops waits for no other file


def reading_threads(most: int = 4) -> ThreadPoolExecutor:
    """Two halve the time of photos; tiny files take longer the more threads there are."""
    return ThreadPoolExecutor(min(most, os.cpu_count() or 1))


def read_whole(
    file: Readable | Path, preprocessing: Preprocessing, enough: Enough | None = None
) -> Tensor:
    """One file at its own size, or one that is ``enough``, uint8 [C, h, w]; see ``read_image``."""
    return to_tensor(_decode(file, preprocessing, enough))


def _decode(
    file: Readable | Path, preprocessing: Preprocessing, enough: Enough | None = None
) -> Image.Image:
    background = preprocessing.background
    return decode(file, preprocessing.in_channels, background=background, quick=enough or 0)


def to_tensor(image: Image.Image) -> Tensor:
    """A grey or RGB image as uint8 [C, H, W]."""
    return torch.from_numpy(np.array(image)).view(image.height, image.width, -1).permute(2, 0, 1)
