"""Images at the network's size, kept in memory or on disk."""

import tracemalloc

import numpy as np
import pytest
import torch
from PIL import Image

from cotrain.data import FileImages, TensorImages, read_image
from cotrain.data.images import resize_and_crop, to_tensor
from cotrain.ensemble.preprocessing import Preprocessing


def preprocessing(size=8, channels=3, margin=1.0):
    mean, std = (0.5,) * channels, (0.5,) * channels
    return Preprocessing(image_size=size, in_channels=channels, mean=mean, std=std, margin=margin)


@pytest.mark.parametrize("size", [(8, 8), (8, 13), (30, 20), (5, 9), (201, 100)])
@pytest.mark.parametrize("margin", [1.0, 1.15])
def test_fit_equals_torchvisions_resize_and_centre_crop(size, margin):
    from torchvision.transforms import v2

    width, height = size
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
    resize = v2.Resize(int(margin * 8), interpolation=v2.InterpolationMode.BICUBIC)
    expected = v2.CenterCrop(8)(resize(image))
    assert torch.equal(
        to_tensor(resize_and_crop(image, preprocessing(margin=margin))), to_tensor(expected)
    )


@pytest.mark.parametrize("size", [(65000, 2), (2, 65000), (5000, 100)])
def test_of_a_long_strip_only_the_middle_is_resized(size):
    width, height = size
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[height // 2 - 1 : height // 2 + 1, width // 2 - 1 : width // 2 + 1] = 255
    tracemalloc.start()
    fitted = to_tensor(
        resize_and_crop(Image.fromarray(pixels), preprocessing(size=224, margin=1.15))
    )
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert fitted.shape == (3, 224, 224)
    assert fitted[:, 110:114, 110:114].min() > 0  # the white middle
    assert most < 50e6


def test_the_ends_of_a_strip_do_not_change_its_middle():
    pixels = np.random.default_rng(0).integers(0, 256, (10, 400, 3), dtype=np.uint8)
    whole = to_tensor(resize_and_crop(Image.fromarray(pixels), preprocessing()))
    middle = to_tensor(resize_and_crop(Image.fromarray(pixels[:, 160:240]), preprocessing()))
    assert torch.equal(whole, middle)


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
