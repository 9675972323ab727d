"""What every image goes through before a network sees it; shipped with an ensemble."""

import re
from dataclasses import dataclass

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Float, Shaped, UInt8
from cotrain.config.data import CropMode, Interpolation
from cotrain.config.limits import LARGEST_IMAGE, between, bounded, check_settings, required
from cotrain.networks import ForeignSpec, NetworkSpec, native_preprocessing


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
        interpolation: How it is resized, as Pillow's filters are called.
        crop_mode: ``center`` is that; ``squash`` resizes both sides so, and crops; ``border``
            resizes the longer side so, and fills up with the mean's colour.
        background: The colour on which transparent images are laid, as Pillow names it.

    Raises:
        ConfigError: Not one positive std and one mean for every channel, or an impossible number.
    """

    image_size: int = required(between(1, LARGEST_IMAGE))
    in_channels: int = required(between(1, 1024))
    mean: tuple[float, ...]
    std: tuple[float, ...]
    margin: float = bounded(1.0, between(1, 10))
    interpolation: Interpolation = "bicubic"
    crop_mode: CropMode = "center"
    background: str = "white"

    def __post_init__(self) -> None:
        check_settings(self, "preprocessing.")
        if re.fullmatch("[a-z]{3,20}|#[0-9a-fA-F]{6}", self.background) is None:
            raise ConfigError(
                f"preprocessing.background={self.background!r} is no colour: give white or #ffffff"
            )
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

    @property
    def resized_size(self) -> int:
        """Pixels of the side that is resized to them, before the square is cut out."""
        # A margin of 230/224 times 224 is 229.99999999999997.
        return int(self.margin * self.image_size + 1e-6)

    def normalize(self, pixels: Shaped[Tensor, "*S_B C H W"]) -> Float[Tensor, "*S_B C H W"]:
        """Pixels in 0..255 (uint8 or float) as float32: (pixel/255 - mean) / std."""
        mean, std = (torch.tensor(each).view(-1, 1, 1) for each in (self.mean, self.std))
        # Made on the CPU and sent without waiting: the numbers are the same on every device.
        scale, shift = (
            each.to(pixels.device, non_blocking=True) for each in (1 / (255 * std), mean / std)
        )
        return (pixels * scale).sub_(shift)

    def change_to(
        self, other: "Preprocessing"
    ) -> tuple[Float[Tensor, "C 1 1"], Float[Tensor, "C 1 1"]] | None:
        """Scale and shift that make images normalised as here into those of another; None if equal.

        Mixing images commutes with it, as the shares sum to 1.
        """
        if (self.mean, self.std) == (other.mean, other.std):
            return None
        mean, std, other_mean, other_std = (
            torch.tensor(each, dtype=torch.float64).view(-1, 1, 1)
            for each in (self.mean, self.std, other.mean, other.std)
        )
        return (std / other_std).float(), ((mean - other_mean) / other_std).float()

    def pixels_of(self, images: Float[Tensor, "*S_B C H W"]) -> UInt8[Tensor, "*S_B C H W"]:
        """What ``normalize`` was given, in whole numbers within 0..255, to be looked at."""
        mean, std = (torch.tensor(each).view(-1, 1, 1) for each in (self.mean, self.std))
        return ((images * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)


def native_images(spec: NetworkSpec) -> Preprocessing | None:
    """The images that a network of another library was made for; None if it does not say."""
    native = native_preprocessing(spec) if isinstance(spec, ForeignSpec) else None
    if native is None:
        return None
    return Preprocessing(
        image_size=spec.image_size,
        in_channels=spec.in_channels,
        mean=native.mean,
        std=native.std,
        margin=native.margin,
        interpolation=native.interpolation,
        crop_mode=native.crop_mode,
    )
