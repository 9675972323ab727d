"""The image formats that are read: by content, whatever a file is called, and none by a program."""

import os
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from PIL import Image

# All that Pillow decodes itself, but for: EPS, which starts Ghostscript, and WMF, which Windows
# draws; IPTC and FPX, which open what they hold by its content; BUFR, GRIB, HDF5 and MPEG, of which
# Pillow knows the name only; FITS and what else holds measurements without a black and a white; IM
# and others that are all but extinct.
_FORMATS = (
    "AVIF BLP BMP CUR DCX DDS DIB FLI FTEX GIF ICNS ICO JPEG JPEG2000 MPO MSP PCD PCX PIXAR PNG "
    "PPM PSD QOI SGI SUN TGA TIFF WEBP XBM XPM"
)


@lru_cache
def _openers() -> tuple[str, ...]:
    """The formats in the order in which Pillow tries them: those that fit anything come last."""
    Image.init()
    return tuple(name for name in Image.ID if name in _FORMATS.split())


@lru_cache
def endings() -> tuple[str, ...]:
    """How the names of image files end, in lower case, such as ``.jpg``."""
    Image.init()
    known = Image.registered_extensions().items()
    return tuple(sorted(ending for ending, name in known if name in _FORMATS.split()))


def open_image(file: str | Path | BinaryIO | Image.Image) -> Image.Image:
    """Open an image, if it is not open; nothing but its header is read yet.

    Raises:
        OSError: No such file, no regular file (reading a pipe would never end), or no image.
        ValueError: More pixels than ``PIL.Image.MAX_IMAGE_PIXELS``: a small file can hold
            gigabytes. Pillow itself only warns up to twice as many.
    """
    if isinstance(file, str | Path) and os.path.exists(file) and not os.path.isfile(file):
        raise OSError("not a regular file")
    image = file if isinstance(file, Image.Image) else Image.open(file, formats=_openers())
    most = Image.MAX_IMAGE_PIXELS
    if most is not None and image.width * image.height > most:
        image.close()
        raise ValueError(
            f"{image.width} x {image.height} pixels are more than {most / 1e6:.0f} million"
        )
    return image
