"""What is an image file, by its name and by its content."""

import os
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from cotrain.data.formats import endings, open_image

COMMON = "jpg jpeg jfif jpe png apng gif webp bmp dib tif tiff ppm pgm pbm pnm ico tga jp2 mpo"
# Formats that Pillow writes, without loss, and how it is asked to.
LOSSLESS = ["BMP", "DIB", "GIF", "ICO", "JPEG2000", "PCX", "PNG", "PPM", "QOI", "SGI", "TGA"]


def test_every_common_ending_is_known():
    assert {f".{name}" for name in COMMON.split()} <= set(endings())
    assert not {".eps", ".ps", ".wmf", ".emf", ".mpg", ".h5", ".txt", ".pdf"} & set(endings())


@pytest.mark.parametrize("name", LOSSLESS)
def test_files_are_known_by_their_content(tmp_path, name):
    image = Image.fromarray(np.full((32, 32, 3), (200, 100, 50), dtype=np.uint8))
    image.save(tmp_path / "x", name)
    (tmp_path / "x").rename(tmp_path / "x.jpg")
    with open_image(tmp_path / "x.jpg") as opened:
        assert opened.convert("RGB").getpixel((9, 9)) == (200, 100, 50)


def test_no_program_is_started_for_an_eps_called_png(tmp_path, monkeypatch):
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_: pytest.fail("it was started"))
    Image.new("RGB", (8, 8)).save(tmp_path / "x.png", "EPS")
    with pytest.raises(UnidentifiedImageError):
        open_image(tmp_path / "x.png")


def test_open_files_are_taken_too():
    content = BytesIO()
    Image.new("RGB", (5, 4)).save(content, "PNG")
    assert open_image(content).size == (5, 4)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.png")
    with pytest.raises(OSError, match="not a regular file"):
        open_image(tmp_path / "x.png")


@pytest.mark.parametrize("side", [101, 150])
def test_too_many_pixels(tmp_path, monkeypatch, side):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100 * 100)
    Image.new("1", (side, side)).save(tmp_path / "x.png")
    with pytest.raises((ValueError, Image.DecompressionBombWarning, Image.DecompressionBombError)):
        open_image(tmp_path / "x.png")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_pixels_that_pillow_only_warns_of_are_refused(tmp_path, monkeypatch):
    Image.new("1", (2000, 1500)).save(tmp_path / "x.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2_000_000)
    with pytest.raises(ValueError, match="2000 x 1500 pixels are more than 2 million"):
        open_image(tmp_path / "x.png")
