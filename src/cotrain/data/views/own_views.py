"""Images whose views are made by what the user gives, drawn once for each network."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.seeds import seeded
from cotrain.basics.shapes import UInt8
from cotrain.data.images import Enough, Images, read_whole
from cotrain.data.stored import OwnViews
from cotrain.data.views.views import DrawnViews
from cotrain.ensemble.preprocessing import Preprocessing


@dataclass(frozen=True, kw_only=True, eq=False)
class ViewedImages:
    """Images for training; what is seen of them without a view is as in any ``Images``.

    Args:
        images: The images themselves.
        view: Draws a view of the image of a number in the data set.
        numbers: Those numbers, int64 [N].
        preprocessing: Size and channels that views must have.
    """

    images: Images
    view: OwnViews
    numbers: Tensor
    preprocessing: Preprocessing

    @property
    def targets(self) -> Tensor:
        return self.images.targets

    def __len__(self) -> int:
        return len(self.images)

    def pixels(self, indices: Sequence[int]) -> Tensor:
        return self.images.pixels(indices)

    def original(self, index: int, enough: Enough | None = None) -> Tensor:
        return self.images.original(index, enough)

    def draw(self, indices: Sequence[int], seeds: Sequence[int]) -> DrawnViews:
        """Draw a view of each image for each seed; one is a function of images and seed alone."""
        drawn = torch.stack([self._draw(indices, seed) for seed in seeds])
        nothing = torch.zeros(len(seeds), 3, len(indices), dtype=torch.int64)
        return DrawnViews(pixels=drawn, moves=nothing, rounds=(), rectangles=None)

    def _draw(self, indices: Sequence[int], seed: int) -> UInt8[Tensor, "B C H W"]:
        numbers = self.numbers[torch.as_tensor(indices)].tolist()
        with seeded(seed):
            return torch.stack([self._pixels(number) for number in numbers])

    def _pixels(self, number: int) -> UInt8[Tensor, "C H W"]:
        size = self.preprocessing.image_size
        view = self.view(number)
        if view.size != (size, size):
            raise ConfigError(
                f"a view has {view.width} x {view.height} pixels, but the networks take {size} x "
                f"{size}: let the transform give that size, or give data.image_size"
            )
        return read_whole(view, self.preprocessing)
