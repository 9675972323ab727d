"""Every kind of file becomes 8-bit RGB or grey as a viewer shows it, or an error that says why."""

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from cotrain.basics.errors import ConfigError
from cotrain.data import UnreadableImageError
from cotrain.data.decoding import decode

RAMP = np.linspace(0, 1, 64).reshape(8, 8)
GREY = (RAMP * 255).round().astype(np.uint8)


def levels(path, channels=1, **options):
    return np.asarray(decode(path, channels, **options))


def tiff(path, array, *, photometric=1, sample=1, width=None, bits=None):
    """A TIFF of one strip; photometric 0: 0 is white; sample 1: unsigned, 2: signed, 3: float."""
    height, width = len(array), width or array.shape[1]
    data, bits = array.tobytes(), bits or array.itemsize * 8
    tags = [(256, width), (257, height), (258, bits), (259, 1), (262, photometric)]
    tags += [(273, 134), (277, 1), (278, height), (279, len(data)), (339, sample)]
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    header = b"II*\0" + struct.pack("<IH", 8, len(tags))
    path.write_bytes(header + body + struct.pack("<I", 0) + data)


def png(path, *, depth, colour, rows, clear):
    """A PNG of 2 pixels a row with a transparent colour, which Pillow does not write itself."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", 2, len(rows), depth, colour, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"tRNS", struct.pack(f">{len(clear)}H", *clear))
        + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
        + chunk(b"IEND", b"")
    )


# Depth and sign of grey


@pytest.mark.parametrize("name", ["x.png", "x.tif", "x.pgm", "x.jp2"])
def test_16_bits_are_scaled_not_clipped(tmp_path, name):
    values = (RAMP * 65535).round().astype(np.uint16)
    Image.fromarray(values).save(tmp_path / name)
    expected = (values.astype(float) / 257).round()
    assert np.array_equal(levels(tmp_path / name), expected)
    assert np.array_equal(levels(tmp_path / name, 3), np.repeat(expected[..., None], 3, -1))


@pytest.mark.parametrize(
    ("kind", "sample", "white"),
    [("<u1", 1, 255), ("<u2", 1, 65535), ("<f4", 3, 1)],
)
@pytest.mark.parametrize("photometric", [0, 1])
def test_tiffs_of_every_depth(tmp_path, kind, sample, white, photometric):
    shares = RAMP if photometric == 1 else 1 - RAMP
    values = shares * white if sample == 3 else (shares * white).round()
    tiff(tmp_path / "x.tif", values.astype(kind), photometric=photometric, sample=sample)
    assert np.abs(levels(tmp_path / "x.tif").astype(int) - GREY).max() <= 1


def test_tiffs_of_12_bits(tmp_path):
    values = (RAMP * 4095).round().astype(int).ravel()
    bits = "".join(f"{value:012b}" for value in values)
    packed = np.frombuffer(int(bits, 2).to_bytes(len(bits) // 8, "big"), np.uint8).reshape(8, 12)
    tiff(tmp_path / "x.tif", packed, width=8, bits=12)
    assert np.abs(levels(tmp_path / "x.tif").astype(int) - GREY).max() <= 1


@pytest.mark.parametrize(
    ("kind", "sample", "factor", "reason"),
    [
        ("<i1", 2, 127, "signed 8-bit grey has no fixed black"),
        ("<i2", 2, 32767, "from 0 to 32767"),
        ("<i4", 2, 255, "from 0 to 255, of which none is known to be white"),
        ("<u4", 1, 65535, "from 0 to 65535"),
        ("<f4", 3, 255, "floats from 0 to 255, where 0 is black and 1 is white"),
        ("<f4", 3, -1, "floats from -1 to"),
        ("<f4", 3, np.nan, "floats from nan"),
        ("<f4", 3, np.inf, "floats from"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_numbers_that_do_not_say_what_is_white_are_refused(tmp_path, kind, sample, factor, reason):
    tiff(tmp_path / "x.tif", (RAMP * factor).astype(kind), sample=sample)
    with pytest.raises(UnreadableImageError, match=reason) as caught:
        decode(tmp_path / "x.tif", 1)
    assert "save it" in caught.value.reason


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_few_bits_of_grey(tmp_path, depth):
    most = 2**depth - 1
    row = bytes([most << (8 - 2 * depth)])  # black, white
    png(tmp_path / "x.png", depth=depth, colour=0, rows=[row], clear=[0])
    assert levels(tmp_path / "x.png", background="white").tolist() == [[255, 255]]
    assert levels(tmp_path / "x.png", background="black").tolist() == [[0, 255]]
    png(tmp_path / "x.png", depth=depth, colour=0, rows=[row], clear=[most])
    assert levels(tmp_path / "x.png", background="black").tolist() == [[0, 0]]


# Transparency


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P"])
@pytest.mark.parametrize("background", ["white", "black", "#204060"])
def test_transparent_images_are_laid_on_a_ground(tmp_path, mode, background):
    pixels = np.zeros((8, 8, 4), dtype=np.uint8)
    pixels[2:5, 2:6, 3] = 255
    image = Image.fromarray(pixels)
    image = image.quantize(4) if mode == "P" else image.convert(mode)
    image.save(tmp_path / "x.png" if mode != "PA" else tmp_path / "x.tif")
    found = levels(tmp_path / ("x.png" if mode != "PA" else "x.tif"), 3, background=background)
    ground: Any = Image.new("RGB", (1, 1), background).getpixel((0, 0))
    expected = np.where(pixels[..., 3:] == 255, 0, ground)
    assert np.array_equal(found, expected)


def test_half_transparent_pixels_are_mixed_with_the_ground(tmp_path):
    Image.new("RGBA", (2, 2), (200, 100, 0, 128)).save(tmp_path / "x.webp", lossless=True)
    share = 128 / 255
    expected = [value * share + 255 * (1 - share) for value in (200, 100, 0)]
    assert levels(tmp_path / "x.webp", 3)[0, 0] == pytest.approx(expected, abs=1)
    assert levels(tmp_path / "x.webp", 3, background="black")[0, 0] == pytest.approx(
        [value * share for value in (200, 100, 0)], abs=1
    )


def test_a_transparent_colour_of_8_bits_and_of_16(tmp_path):
    png(tmp_path / "grey.png", depth=16, colour=0, rows=[b"\x12\x34\xff\xff"], clear=[0x1234])
    assert levels(tmp_path / "grey.png", background="black").tolist() == [[0, 255]]
    assert levels(tmp_path / "grey.png").tolist() == [[255, 255]]
    rows = [b"\x12\x34\x56\x78\x9a\xbc" + b"\x00" * 6]
    clear = [0x1234, 0x5678, 0x9ABC]
    png(tmp_path / "rgb.png", depth=16, colour=2, rows=rows, clear=clear)
    assert levels(tmp_path / "rgb.png", 3).tolist() == [[[255] * 3, [0] * 3]]
    png(tmp_path / "small.png", depth=8, colour=2, rows=[b"\1\2\3\4\5\6"], clear=[1, 2, 3])
    assert levels(tmp_path / "small.png", 3).tolist() == [[[255] * 3, [4, 5, 6]]]


def test_opaque_images_keep_their_pixels(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 4), dtype=np.uint8)
    pixels[..., 3] = 255
    Image.fromarray(pixels).save(tmp_path / "x.png")
    assert np.array_equal(levels(tmp_path / "x.png", 3), pixels[..., :3])


# Orientation


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "MPO", "AVIF"])
def test_photos_are_upright(tmp_path, orientation, form):
    if form == "AVIF":
        pytest.importorskip("PIL._avif")
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = np.kron(np.arange(8).reshape(2, 4) * 30, np.ones((16, 16))).astype(np.uint8)
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100}}.get(form, {})
    image = Image.fromarray(np.stack([pixels] * 3, -1))
    image.save(tmp_path / "x", form, exif=exif, **options)
    image.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(image).convert("L")).astype(int)
    found = levels(tmp_path / "x").astype(int)
    assert found.shape == ((64, 32) if orientation > 4 else (32, 64))
    assert np.abs(found - expected).max() <= 6
    assert levels(tmp_path / "x", quick=1).ndim == 2


def test_damaged_exif_hides_no_picture(tmp_path):
    Image.new("L", (8, 4), 90).save(tmp_path / "x.png", exif=b"Exif\0\0nonsense")
    assert np.array_equal(levels(tmp_path / "x.png"), np.full((4, 8), 90))


# Colour


def test_palette_images_get_their_colours(tmp_path):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    image.save(tmp_path / "x.png")
    assert levels(tmp_path / "x.png", 3)[3, 3].tolist() == [200, 100, 50]


@pytest.mark.parametrize("name", ["x.jpg", "x.tif"])
def test_cmyk_becomes_rgb(tmp_path, name):
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / name, quality=95)
    red, green, blue = levels(tmp_path / name, 3)[4, 4].tolist()
    assert red > 240
    assert max(green, blue) < 15


@pytest.mark.parametrize("mode", ["YCbCr", "LAB"])
def test_other_colour_spaces_become_rgb(tmp_path, mode):
    image: Any = Image.new("RGB", (8, 8), (200, 100, 50))
    if mode == "LAB":
        spaces = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.applyTransform(image, ImageCms.buildTransform(*spaces, "RGB", "LAB"))
    else:
        image = image.convert(mode)
    image.save(tmp_path / "x.tif")
    assert levels(tmp_path / "x.tif", 3)[4, 4] == pytest.approx([200, 100, 50], abs=3)


@pytest.mark.parametrize("name", ["x.gif", "x.webp", "x.tif", "x.png"])
def test_of_several_images_the_first_counts(tmp_path, name):
    first, second = (Image.new("RGB", (8, 8), (value,) * 3) for value in (90, 200))
    options: dict[str, Any] = {"x.webp": {"lossless": True}}.get(name, {})
    first.save(tmp_path / name, save_all=True, append_images=[second], **options)
    assert np.array_equal(levels(tmp_path / name), np.full((8, 8), 90))


# Damage


def bad_files(folder):
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("not an image at all")
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for name in ("cut.jpg", "cut.png", "cut.webp", "cut.tif", "cut.bmp", "cut.gif"):
        Image.fromarray(pixels).save(folder / name)
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) // 2])
    return [
        "empty.png",
        "missing.png",
        "text.png",
        *sorted(path.name for path in folder.glob("cut*")),
    ]


@pytest.mark.parametrize("quick", [0, 1])
def test_unreadable_files_are_named_with_the_reason(tmp_path, quick):
    for name in bad_files(tmp_path):
        with pytest.raises(UnreadableImageError, match=name) as caught:
            decode(tmp_path / name, 3, quick=quick)
        assert isinstance(caught.value, ConfigError)
        assert caught.value.reason
    with pytest.raises(UnreadableImageError, match="not an image"):
        decode(tmp_path / "text.png", 3, quick=quick)
