"""Images of a program's data sets: the same pixels, or refused by name."""

import numpy as np
import pytest
import torch
from image_folders import noise
from PIL import ExifTags, Image
from user_datasets import Listed, turned

from cotrain.basics.errors import ConfigError
from cotrain.basics.seeds import seeded
from cotrain.data.decoding import UnreadableImageError, decode
from cotrain.data.user_items import UserItems, as_image


def test_tensors_become_the_image_that_they_are_of():
    pixels = np.asarray(noise(0))
    colour = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
    for tensor in (colour, colour / 255, colour.double() / 255, (colour / 255).half()):
        assert np.array_equal(np.asarray(as_image(tensor, "x")), pixels)
    grey = colour[:1]
    for tensor in (grey, grey[0], grey / 255):
        image = as_image(tensor, "x")
        assert image.mode == "L"
        assert np.array_equal(np.asarray(image), pixels[..., 0])
    image = noise(1)
    assert as_image(image, "x") is image


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (torch.full((3, 4, 4), 200.0), "floats from 200 to 200, which are not of 0..1: divide"),
        (torch.full((3, 4, 4), float("nan")), "floats from nan to nan"),
        (torch.zeros(3, 4, 4) - 1.2, "floats from -1.2 to -1.2, .* leave normalising out"),
        (torch.zeros(2, 4, 4), r"a tensor \[2, 4, 4\]: give \[C, H, W\]"),
        (torch.zeros(4, 4, 3), r"a tensor \[4, 4, 3\]"),
        (torch.zeros(3, 0, 4), r"a tensor \[3, 0, 4\]"),
        (torch.zeros(3, 4, 4).long(), "a tensor of int64: give uint8"),
        (torch.zeros(3, 4, 4).bool(), "a tensor of bool"),
        (np.zeros((4, 4, 3), np.uint8), "is a ndarray: give an image of Pillow"),
        (None, "is a NoneType"),
    ],
)
def test_what_is_no_image_is_refused(value, message):
    with pytest.raises(ConfigError, match=rf"train\[3\] (is|has) .*{message[3:]}"):
        as_image(value, "train[3]")


def test_an_error_of_the_data_set_makes_its_image_unreadable():
    items = UserItems(datasets={"val": Listed([(KeyError("x"), 0)])}, places=[("val", 0)])
    with pytest.raises(UnreadableImageError, match=r"val\[0\] cannot be read \(KeyError: 'x'\)"):
        items[0]
    single = UserItems(datasets={"val": [Image.new("L", (2, 2))]}, places=[("val", 0)])
    with pytest.raises(ConfigError, match=r"val\[0\] is a Image, not a pair"):
        single[0]
    triple = UserItems(datasets={"val": [(noise(0), 0, "a.png")]}, places=[("val", 0)])
    with pytest.raises(ConfigError, match=r"val\[0\] is a tuple of 3, not a pair"):
        triple[0]


def test_what_is_drawn_is_one_image_and_many_views():
    datasets = {"train": Listed([(noise(0), 0)], turned)}
    items = UserItems(datasets=datasets, places=[("train", 0)], draws=True)
    assert items[0] == items[0]
    views = set()
    for seed in range(8):
        with seeded(seed):
            view = items.view(0)
        with seeded(seed):
            assert items.view(0) == view
        views.add(view.tobytes())
    assert len(views) > 1


def view_by_tensor(image: Image.Image) -> np.ndarray:
    def tensor(given):
        return torch.from_numpy(np.array(given)).permute(2, 0, 1)

    items = UserItems(
        datasets={"train": Listed([(image, 0)])}, places=[("train", 0)], transform=tensor
    )
    return np.asarray(items.view(0))


def test_a_transform_gets_images_as_they_are_seen():
    image = noise(0)
    image.getexif()[ExifTags.Base.Orientation] = 6  # turned a quarter to the left
    expected = np.rot90(np.asarray(image), -1)
    assert np.array_equal(np.asarray(decode(image, 3)), expected)
    assert np.array_equal(view_by_tensor(image), expected)
    few = noise(1).quantize(4)
    assert np.array_equal(view_by_tensor(few), np.asarray(few.convert("RGB")))
