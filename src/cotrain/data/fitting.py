"""An image at the network's size, pixel for pixel as timm makes it for its weights."""

from collections.abc import Callable, Mapping

from PIL import Image, ImageOps

from cotrain.config.data import CropMode
from cotrain.ensemble.preprocessing import Preprocessing

_LONGEST = 8  # no photo is as long, in its widths; a panorama is up to four


def fit_image(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """Resize an image and cut out or fill up a square, as ``preprocessing.crop_mode`` says.

    An image that has that size already is not changed. Sizes round as torchvision's ``Resize``
    and ``CenterCrop`` do, which timm uses.

    Args:
        image: Grey or RGB.
        preprocessing: Size, margin, interpolation and colour of what is filled up.
    """
    return _MODES[preprocessing.crop_mode](image, preprocessing)


def _center(image: Image.Image, shape: Preprocessing) -> Image.Image:
    """Of a long strip the ends are cut off first, which the crop would not show.

    A file of 500 bytes can hold a strip that would need gigabytes when it is resized.
    """
    image = _without_ends(image)
    shorter, least = shape.resized_size, min(image.size)
    if least != shorter:
        width, height = (int(shorter * side / least) for side in image.size)
        image = _resize(image, (width, height), shape)
    return _cut_out(image, shape.image_size)


def _squash(image: Image.Image, shape: Preprocessing) -> Image.Image:
    """Both sides to the same length, whatever becomes of what is seen."""
    side = shape.resized_size
    return _cut_out(_resize(image, (side, side), shape), shape.image_size)


def _border(image: Image.Image, shape: Preprocessing) -> Image.Image:
    """The longer side to the length; the borders of the mean's colour."""
    size, ratio = shape.image_size, max(image.size) / shape.resized_size
    width, height = (max(round(side / ratio), 1) for side in image.size)
    image = _resize(image, (width, height), shape)
    wide, high = (max(size - side, 0) for side in image.size)
    colour = tuple(round(255 * each) for each in shape.mean)
    borders = wide // 2, high // 2, (wide + 1) // 2, (high + 1) // 2
    image = ImageOps.expand(image, borders, colour[0] if image.mode == "L" else colour)
    return _cut_out(image, size)


_MODES: Mapping[CropMode, Callable[[Image.Image, Preprocessing], Image.Image]] = {
    "center": _center,
    "squash": _squash,
    "border": _border,
}


def _resize(image: Image.Image, size: tuple[int, int], shape: Preprocessing) -> Image.Image:
    if image.size == size:
        return image
    return image.resize(size, Image.Resampling[shape.interpolation.upper()])


def _cut_out(image: Image.Image, size: int) -> Image.Image:
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
