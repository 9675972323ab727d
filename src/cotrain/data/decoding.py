"""One image file as 8-bit RGB or grey, as a viewer shows it: upright, on a ground, black to white.

This is the one way from a file to pixels: of training, ``predict``, ``evaluate`` and servers.
"""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from cotrain.basics.errors import ConfigError
from cotrain.data.formats import open_image

_Turn = Image.Transpose
# What makes an image upright, by its EXIF orientation; 1 is upright.
_TURNS = {
    2: _Turn.FLIP_LEFT_RIGHT,
    3: _Turn.ROTATE_180,
    4: _Turn.FLIP_TOP_BOTTOM,
    5: _Turn.TRANSPOSE,
    6: _Turn.ROTATE_270,
    7: _Turn.TRANSVERSE,
    8: _Turn.ROTATE_90,
}
_SCALED_GREY = {"L;2": 85, "L;4": 17}  # Pillow's names of grey of 2 and 4 bits, and its factors
_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339  # TIFF tags
_WHITE_IS_ZERO, _UNSIGNED = 0, 1  # their values


class UnreadableImageError(ConfigError):
    """An image file that cannot be decoded; the message names it, ``reason`` says why."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


def decode(
    file: str | Path | BinaryIO | Image.Image,
    in_channels: int,
    *,
    background: str = "white",
    quick: int | Callable[[tuple[int, int]], int] = 0,
) -> Image.Image:
    """The image in a file, as RGB (3 channels) or grey (1); of several, the first.

    Args:
        file: Of any format of :mod:`cotrain.data.formats`, or open already.
        in_channels: 3 or 1.
        background: The colour that shows where the image is transparent.
        quick: Pixels that are enough for each side, or says so of the image's width and height; 0
            if all are wanted. All of a JPEG is read, but it may be given at a half to an eighth of
            its size, which takes less time.

    Raises:
        UnreadableImageError: The file is missing, cut short, no image, or of a kind that does not
            say what is black and what is white.
    """
    try:
        with open_image(file) as image:
            if quick and image is not file:  # what is given open stays as it is
                enough = quick(image.size) if callable(quick) else quick
                image.draft(None, (enough, enough))
            _mend_transparency(image)
            image.load()
            turn = _TURNS.get(_orientation(image))
            image = _opaque(_in_8_bits(image), background)
        image = image.convert("L" if in_channels == 1 else "RGB")
        return image if turn is None else image.transpose(turn)
    except Exception as error:  # Pillow's plugins raise a dozen kinds for damaged files
        not_image = isinstance(error, UnidentifiedImageError)
        reason = "not an image" if not_image else str(error) or type(error).__name__
        raise UnreadableImageError(
            f"{file} cannot be decoded ({reason}): remove or replace it", reason
        ) from error


def upright(image: Image.Image) -> Image.Image:
    """The image turned as the camera noted, which it says no more."""
    return ImageOps.exif_transpose(image) if _orientation(image) in _TURNS else image


def _orientation(image: Image.Image) -> int:
    """How the camera was held; TIFF images are turned by Pillow, and say 1 once they are loaded."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged EXIF hides no picture
        return 1


def _mend_transparency(image: Image.Image) -> None:
    """Bring a PNG's transparent colour to the 8 bits that its pixels are read as.

    Pillow (up to 13.0) leaves it at the depth of the file: 3 for the white of 2 bits.
    """
    clear, tiles = image.info.get("transparency"), getattr(image, "tile", None)
    if image.format != "PNG" or clear is None or not tiles:
        return
    raw = tiles[0][3]
    if raw in _SCALED_GREY:
        image.info["transparency"] = clear * _SCALED_GREY[raw]
    elif raw == "RGB;16B":
        image.info["transparency"] = tuple(value >> 8 for value in clear)


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Grey of more bits scaled to 8; Pillow would clip it, and know no sign and no white-is-zero.

    Raises:
        ValueError: Numbers that do not say which of them is white.
    """
    tags = getattr(image, "tag_v2", {})
    deep = image.mode == "F" or image.mode.startswith("I")
    if not deep:
        if image.mode == "L" and tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0] != _UNSIGNED:
            raise ValueError("signed 8-bit grey has no fixed black: save it as unsigned")
        return image
    values = np.asarray(image)
    shares = values / _white(image, values)
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        shares = 1 - shares
    grey = Image.fromarray((shares * 255).round().astype(np.uint8))
    clear = image.info.get("transparency")
    if clear is None:
        return grey
    return Image.merge(
        "LA", (grey, Image.fromarray(np.where(values == clear, 0, 255).astype("u1")))
    )


def _white(image: Image.Image, values: np.ndarray) -> int:
    """The value that is white, 0 being black."""
    if image.mode == "F":
        low, high = float(values.min()), float(values.max())
        if not 0 <= low <= high <= 1:
            raise ValueError(
                f"grey as floats from {low:g} to {high:g}, where 0 is black and 1 is white: "
                "save it with 8 or 16 bits"
            )
        return 1
    if image.mode == "I" and image.format not in ("PNG", "PPM"):  # of 16 bits in these two
        raise ValueError(
            f"grey as signed or 32-bit integers from {values.min()} to {values.max()}, of which "
            "none is known to be white: save it with 8 or 16 bits, unsigned"
        )
    return 2 ** getattr(image, "tag_v2", {}).get(_BITS, (16,))[0] - 1  # TIFF has 12 bits, too


def _opaque(image: Image.Image, background: str) -> Image.Image:
    """The image laid on a ground, where it is transparent anywhere."""
    if not image.has_transparency_data:
        return image
    if image.mode == "La":  # which Pillow converts in two steps only
        image = image.convert("LA")
    ground = Image.new("RGBA", image.size, background)
    return Image.alpha_composite(ground, image.convert("RGBA"))
