"""Images at the network's size, beside torchvision's and timm's own transforms."""

import math
import tracemalloc
from typing import Any, get_args

import numpy as np
import pytest
import torch
from PIL import Image

from cotrain.config.data import CropMode, Interpolation
from cotrain.data.fitting import fit_image
from cotrain.data.images import to_tensor
from cotrain.ensemble.preprocessing import Preprocessing


def preprocessing(size=8, channels=3, **settings):
    mean, std = (0.5,) * channels, (0.5,) * channels
    return Preprocessing(image_size=size, in_channels=channels, mean=mean, std=std, **settings)


def random_image(width, height, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("size", [(8, 8), (8, 13), (30, 20), (5, 9), (201, 100)])
@pytest.mark.parametrize("margin", [1.0, 1.15])
def test_fit_equals_torchvisions_resize_and_centre_crop(size, margin):
    from torchvision.transforms import v2

    width, height = size
    image = random_image(width, height)
    resize = v2.Resize(int(margin * 8), interpolation=v2.InterpolationMode.BICUBIC)
    expected = v2.CenterCrop(8)(resize(image))
    assert torch.equal(
        to_tensor(fit_image(image, preprocessing(margin=margin))), to_tensor(expected)
    )


@pytest.mark.parametrize("size", [(65000, 2), (2, 65000), (5000, 100)])
def test_of_a_long_strip_only_the_middle_is_resized(size):
    width, height = size
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[height // 2 - 1 : height // 2 + 1, width // 2 - 1 : width // 2 + 1] = 255
    tracemalloc.start()
    fitted = to_tensor(fit_image(Image.fromarray(pixels), preprocessing(size=224, margin=1.15)))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert fitted.shape == (3, 224, 224)
    assert fitted[:, 110:114, 110:114].min() > 0  # the white middle
    assert most < 50e6


def test_the_ends_of_a_strip_do_not_change_its_middle():
    pixels = np.random.default_rng(0).integers(0, 256, (10, 400, 3), dtype=np.uint8)
    whole = to_tensor(fit_image(Image.fromarray(pixels), preprocessing()))
    middle = to_tensor(fit_image(Image.fromarray(pixels[:, 160:240]), preprocessing()))
    assert torch.equal(whole, middle)


@pytest.mark.parametrize("crop_mode", get_args(CropMode))
@pytest.mark.parametrize("interpolation", get_args(Interpolation))
@pytest.mark.parametrize("crop_pct", [0.875, 0.95, 1.0])
def test_pixels_are_those_of_timms_transform(crop_mode, interpolation, crop_pct):
    from timm.data.transforms_factory import transforms_imagenet_eval

    images = {"mean": (0.1, 0.25, 0.5), "std": (0.2, 0.2, 0.2), "interpolation": interpolation}
    expected: Any = transforms_imagenet_eval(
        24,
        crop_pct=crop_pct,
        crop_mode=crop_mode,
        normalize=False,
        **images,
    )
    shape = Preprocessing(
        image_size=24, in_channels=3, margin=1 / crop_pct, crop_mode=crop_mode, **images
    )
    for width, height in ((24, 24), (40, 60), (100, 33), (17, 25), (25, 12), (24, 31)):
        image = random_image(width, height)
        assert torch.equal(to_tensor(fit_image(image, shape)), expected(image)), (width, height)


def test_the_length_that_is_resized_to_is_timms_for_all_its_weights():
    import timm

    cfgs: list[Any] = [timm.get_pretrained_cfg(name) for name in timm.list_models(pretrained=True)]
    shares = {(cfg.crop_pct, max(cfg.input_size)) for cfg in cfgs}
    assert len(shares) > 50
    for share, size in shares:
        assert int(1 / share * size) == math.floor(size / share)
    assert {cfg.crop_mode for cfg in cfgs} <= set(get_args(CropMode))
    assert {cfg.interpolation for cfg in cfgs} <= set(get_args(Interpolation))


def test_the_border_of_grey_images_is_grey():
    shape = Preprocessing(image_size=8, in_channels=1, mean=(0.2,), std=(1.0,), crop_mode="border")
    fitted = to_tensor(fit_image(Image.new("L", (8, 4), 255), shape))
    assert fitted[0, :, 0].tolist() == [51, 51, 255, 255, 255, 255, 51, 51]


def test_a_strip_of_one_pixel_has_a_border():
    shape = preprocessing(crop_mode="border")
    assert to_tensor(fit_image(random_image(1000, 1), shape)).shape == (3, 8, 8)
