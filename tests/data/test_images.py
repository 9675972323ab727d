"""Decoding: every kind of file becomes RGB or grey of 8 bits, or an error that names it."""

import numpy as np
import pytest
import torch
from PIL import Image

from cotrain.basics.errors import ConfigError
from cotrain.data import FileImages, TensorImages, UnreadableImageError, read_image
from cotrain.data.images import decode, fit, to_tensor
from cotrain.ensemble.preprocessing import Preprocessing


def preprocessing(size=8, channels=3, margin=1.0):
    mean, std = (0.5,) * channels, (0.5,) * channels
    return Preprocessing(image_size=size, in_channels=channels, mean=mean, std=std, margin=margin)


def test_16_bit_grey_is_scaled_not_clipped(tmp_path):
    values = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    Image.fromarray(values).save(tmp_path / "deep.png")
    expected = torch.from_numpy((values.astype(float) / 257).round().astype(np.uint8))
    assert torch.equal(read_image(tmp_path / "deep.png", preprocessing(channels=1))[0], expected)
    rgb = read_image(tmp_path / "deep.png", preprocessing())
    assert torch.equal(rgb, expected.expand(3, 8, 8))


def test_palette_images_get_their_colours(tmp_path):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    image.save(tmp_path / "opaque.png")
    image.save(tmp_path / "transparent.png", transparency=bytes([0, 128]))  # Pillow would warn
    for name in ("opaque.png", "transparent.png"):
        pixels = read_image(tmp_path / name, preprocessing())
        assert pixels[:, 3, 3].tolist() == [200, 100, 50]
        assert pixels.shape == (3, 8, 8)


def test_cmyk_jpeg_becomes_rgb(tmp_path):
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "print.jpg", quality=95)
    red, green, blue = read_image(tmp_path / "print.jpg", preprocessing())[:, 4, 4].tolist()
    assert red > 240
    assert green < 15
    assert blue < 15


@pytest.mark.parametrize(("mode", "colour"), [("L", 90), ("LA", (90, 10)), ("RGBA", (90,) * 4)])
def test_grey_and_alpha(tmp_path, mode, colour):
    Image.new(mode, (8, 8), colour).save(tmp_path / "image.png")
    for channels in (1, 3):
        pixels = read_image(tmp_path / "image.png", preprocessing(channels=channels))
        assert torch.equal(pixels, torch.full((channels, 8, 8), 90).byte())


def test_the_exif_rotation_is_not_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.new("RGB", (16, 8)).save(tmp_path / "turned.jpg", exif=exif)
    assert decode(tmp_path / "turned.jpg", 3).size == (16, 8)


def bad_files(folder):
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("not an image at all")
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(folder / "whole.jpg")
    whole = (folder / "whole.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "whole.jpg").unlink()
    Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(folder / "cut.png")
    (folder / "cut.png").write_bytes((folder / "cut.png").read_bytes()[:2000])
    return ["cut.jpg", "cut.png", "empty.png", "missing.png", "text.png"]


@pytest.mark.parametrize("quick", [False, True])
def test_unreadable_files_are_named_with_the_reason(tmp_path, quick):
    for name in bad_files(tmp_path):
        with pytest.raises(UnreadableImageError, match=name) as caught:
            decode(tmp_path / name, 3, quick=quick)
        assert isinstance(caught.value, ConfigError)
        assert caught.value.reason
    with pytest.raises(UnreadableImageError, match="not an image"):
        decode(tmp_path / "text.png", 3, quick=quick)


@pytest.mark.parametrize("size", [(8, 8), (8, 13), (30, 20), (5, 9), (201, 100)])
@pytest.mark.parametrize("margin", [1.0, 1.15])
def test_fit_equals_torchvisions_resize_and_centre_crop(size, margin):
    from torchvision.transforms import v2

    width, height = size
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
    resize = v2.Resize(int(margin * 8), interpolation=v2.InterpolationMode.BICUBIC)
    expected = v2.CenterCrop(8)(resize(image))
    assert torch.equal(to_tensor(fit(image, preprocessing(margin=margin))), to_tensor(expected))


def test_an_image_of_the_right_size_is_not_changed(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "image.png")
    assert torch.equal(
        read_image(tmp_path / "image.png", preprocessing()),
        torch.from_numpy(pixels).permute(2, 0, 1),
    )


def test_files_give_pixels_at_the_networks_size_and_originals_at_their_own(tmp_path):
    Image.new("RGB", (40, 20), (1, 2, 3)).save(tmp_path / "image.png")
    images = FileImages(
        paths=[str(tmp_path / "image.png")] * 2,
        targets=torch.tensor([0, 1]),
        preprocessing=preprocessing(margin=1.15),
    )
    assert len(images) == 2
    assert images.pixels([0, 1]).shape == (2, 3, 8, 8)
    assert images.original(1).shape == (3, 20, 40)
    assert images.original(1)[:, 0, 0].tolist() == [1, 2, 3]


def test_tensors_give_the_images_asked_for():
    tensor = torch.arange(4).byte().view(4, 1, 1, 1).expand(4, 1, 8, 8)
    images = TensorImages(tensor=tensor, targets=torch.tensor([0, 1, 0, 1]))
    assert images.pixels([3, 1])[:, 0, 0, 0].tolist() == [3, 1]
    assert images.pixels(range(2, 4))[:, 0, 0, 0].tolist() == [2, 3]
    assert images.original(2).shape == (1, 8, 8)
    assert len(images) == 4
