"""What data sets of a program give, one by one: an image, made one of 8 bits, and its class."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.seeds import derive_seed, seeded
from cotrain.basics.text import one_line
from cotrain.data.decoding import UnreadableImageError, upright

_REACH = 1e-4  # beyond 0..1: what resizing and sums of floats leave


@dataclass(frozen=True, kw_only=True, eq=False)
class UserItems:
    """The images of all parts, by number: what is ``Stored``.

    Args:
        datasets: The data set of each part.
        places: Part and number of every image.
        draws: ``train`` draws a view whenever it is asked; as an image it is always the same one.
        transform: Draws a view of what the training data set gives; None where nothing does.
    """

    datasets: Mapping[str, Any]
    places: Sequence[tuple[str, int]]
    draws: bool = False
    transform: Callable[[Any], Any] | None = None
    threads: int = 1  # others' objects, and the global random state

    def __len__(self) -> int:
        return len(self.places)

    def name(self, index: int) -> str:
        part, number = self.places[index]
        return f"{part}[{number}]"

    def __getitem__(self, index: int, /) -> Image.Image:
        return self.image(index)[0]

    def image(self, index: int) -> tuple[Image.Image, Any]:
        """An image and its class.

        Raises:
            UnreadableImageError: The data set raised an error.
            ConfigError: It gave no pair, or no image.
        """
        is_drawn = self.draws and self.places[index][0] == "train"
        with seeded(derive_seed(0, "image", index)) if is_drawn else nullcontext():
            image, label = self.ask(index)
        return as_image(image, self.name(index)), label

    def view(self, index: int) -> Image.Image:
        """A view for training, drawn from the global random state of the CPU."""
        image, name = self.ask(index)[0], self.name(index)
        if self.transform is None:
            return as_image(image, name)
        if isinstance(image, Image.Image):
            image = _as_seen(image)
        try:
            view = self.transform(image)
        except Exception as error:  # whatever it is, it is the transform's
            raise ConfigError(
                f"the transform of {name} failed ({type(error).__name__}: {one_line(error)}): "
                "mend it"
            ) from error
        return as_image(view, f"the transform of {name}")

    def ask(self, index: int) -> tuple[Any, Any]:
        """What the data set gives, as it is; see ``image``."""
        part, number = self.places[index]
        try:
            found = self.datasets[part][number]
        except Exception as error:  # whatever it is, it is the data set's
            reason = f"{type(error).__name__}: {one_line(error)}"
            raise UnreadableImageError(
                f"{self.name(index)} cannot be read ({reason}): mend the data set", reason
            ) from error
        if not isinstance(found, tuple | list) or len(found) != 2:
            kind = type(found).__name__
            kind += f" of {len(found)}" if isinstance(found, tuple | list) else ""
            raise ConfigError(
                f"{self.name(index)} is a {kind}, not a pair: let the data set "
                "give an image and its class"
            )
        return found[0], found[1]


def _as_seen(image: Image.Image) -> Image.Image:
    """Upright, and without a palette: a tensor made of the image would say neither."""
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    return upright(image)


def as_image(value: Any, name: str) -> Image.Image:
    """What a program takes for an image, as one: of Pillow as it is, a tensor in 8 bits.

    Args:
        value: An image of Pillow, or a tensor [C, H, W] or [H, W] of 1 or 3 channels: uint8, or
            floats of 0 to 1, which are rounded to 8 bits.
        name: What errors call it.

    Raises:
        ConfigError: Something else, of which it is not known what is black and what is white.
    """
    if isinstance(value, Image.Image):
        return value
    if not isinstance(value, Tensor):
        raise ConfigError(
            f"{name} is a {type(value).__name__}: give an image of Pillow or a tensor [C, H, W]"
        )
    pixels = value[None] if value.dim() == 2 else value
    if pixels.dim() != 3 or pixels.shape[0] not in (1, 3) or not pixels.numel():
        raise ConfigError(
            f"{name} is a tensor {list(value.shape)}: give [C, H, W] of 1 channel (grey) or 3 (RGB)"
        )
    rows = _in_8_bits(pixels.detach().cpu(), name).permute(1, 2, 0).contiguous()
    return Image.fromarray((rows[..., 0] if len(pixels) == 1 else rows).numpy())


def _in_8_bits(pixels: Tensor, name: str) -> Tensor:
    if pixels.dtype == torch.uint8:
        return pixels
    if not pixels.is_floating_point():
        raise ConfigError(
            f"{name} is a tensor of {str(pixels.dtype).removeprefix('torch.')}: give uint8 of "
            "0..255, or floats of 0..1"
        )
    pixels = pixels.double()
    low, high = pixels.min().item(), pixels.max().item()
    if not -_REACH <= low <= high <= 1 + _REACH:  # also where one is NaN
        raise ConfigError(
            f"{name} has floats from {low:.4g} to {high:.4g}, which are not of 0..1: divide by "
            "255 what is of 0..255, and leave normalising out: data.mean and data.std do it"
        )
    return (pixels * 255).round().clamp(0, 255).to(torch.uint8)
