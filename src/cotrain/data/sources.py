"""A data set as it is found, before it is split and decoded."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from cotrain.data.stored import Chosen, OwnViews, Readables, Stored

# What images are for, in the order in which they are told.
PARTS = ("train", "val", "calibration", "test")


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """All N images of a data set and the parts it comes in.

    Args:
        images: Paths of N files, or N decoded images, uint8 [N, H, W] or [N, H, W, 3], or what is
            asked for each of them.
        targets: Classes, int64 [N].
        classes: Names of the classes.
        parts: Indices of ``train``, ``val`` and ``test``, as far as they are given; only ``all``
            where nothing is.
        in_channels: Channels of the images.
        image_size: Height and width to use; None where the files decide.
        mean: Mean of each channel, of pixels in [0, 1]; None where the training images decide.
        std: Standard deviation of each channel; None where the training images decide.
        root: The folder that the files lie in; None for images in memory.
        titles: How the user knows each part, such as ``train/``.
        left_out: How many files were passed over, by reason.
        notes: In words, how the images were found.
        shards: Which file each image lies in with others, int64 [N], to be read one after the
            other; None where order costs nothing.
        own_views: What makes views of the images that are trained on; None for our own views.
        views: A digest of some that it draws, ``settings`` for our own, or None where a program
            gives none of the images.
    """

    images: list[str] | np.ndarray | Stored
    targets: Tensor
    classes: tuple[str, ...]
    parts: Mapping[str, Tensor]
    in_channels: int
    image_size: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    root: str | None = None
    titles: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    shards: Tensor | None = None
    own_views: OwnViews | None = None
    views: str | None = None

    def names(self, indices: Iterable[int]) -> tuple[str, ...]:
        """Paths below ``root``, or for images in memory their numbers."""
        if self.root is None:
            return tuple(str(index) for index in indices)
        start = len(self.root.rstrip(os.sep)) + 1
        return tuple(str(self.images[index])[start:] for index in indices)

    def readables(self, indices: Tensor) -> Readables:
        """What to read the images at these indices from, where they are not decoded yet."""
        assert not isinstance(self.images, np.ndarray)
        if isinstance(self.images, list):
            return [self.images[index] for index in indices.tolist()]
        return Chosen(stored=self.images, indices=indices.tolist())

    def place(self, index: int) -> str:
        """Where an image is, as the user knows it."""
        if isinstance(self.images, list | np.ndarray):
            return str(self.images[index])
        return self.images.name(index)

    def title(self, part: str) -> str:
        """How the user knows a part that the data set comes in."""
        if part in self.titles:
            return self.titles[part]
        if self.root is None:
            return "all images" if part == "all" else f"the data set's {part} images"
        return "the folder"
