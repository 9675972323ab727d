"""What every image goes through before a network sees it; shipped with an ensemble."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Float, Shaped


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How a decoded image becomes the input of a network.

    Args:
        image_size: Height and width in pixels.
        in_channels: 3 (RGB) or 1 (grey).
        mean: Mean of each channel, of pixels in [0, 1].
        std: Standard deviation of each channel, of pixels in [0, 1].
        margin: An image is resized until its shorter side is ``int(margin * image_size)``, then
            cropped in the centre: 1.15 for photos, as the ImageNet recipes of arXiv:2011.14660,
            1 for images kept whole.
        background: The colour on which transparent images are laid, as Pillow names it.

    Raises:
        ConfigError: Not one positive std and one mean for every channel.
    """

    image_size: int
    in_channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    margin: float = 1.0
    background: str = "white"

    def __post_init__(self) -> None:
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != self.in_channels:
                raise ConfigError(
                    f"data.{name}={list(values)} has {len(values)} numbers for images of "
                    f"{self.in_channels} channels: give one for each channel"
                )
        if min(self.std) <= 0:
            raise ConfigError(
                f"data.std={list(self.std)} is not positive in every channel: "
                "give it, or images that are not of one colour"
            )

    def normalize(self, pixels: Shaped[Tensor, "*S_B C H W"]) -> Float[Tensor, "*S_B C H W"]:
        """Pixels in 0..255 (uint8 or float) as float32: (pixel/255 - mean) / std."""
        mean, std = (torch.tensor(each).view(-1, 1, 1) for each in (self.mean, self.std))
        # Made on the CPU and sent without waiting: the numbers are the same on every device.
        scale, shift = (
            each.to(pixels.device, non_blocking=True) for each in (1 / (255 * std), mean / std)
        )
        return (pixels * scale).sub_(shift)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Preprocessing":
        """The record whose fields JSON gave back, with lists for tuples."""
        return cls(**{**values, "mean": tuple(values["mean"]), "std": tuple(values["std"])})
