"""Copies are found whatever was done to them a little, and what only looks alike is not."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.data import near_duplicates as module
from cotrain.data.images import FileImages, TensorImages
from cotrain.data.near_duplicates import near_duplicates
from cotrain.ensemble.preprocessing import Preprocessing

SIDE = 32
RESIZED = Preprocessing(image_size=SIDE, in_channels=3, mean=(0.5,) * 3, std=(0.5,) * 3)


def photos(count: int, seed: int) -> Tensor:
    """Pictures with large and small parts, uint8 [N, 3, 32, 32]."""
    generator = torch.Generator().manual_seed(seed)
    found = torch.zeros(count, 3, SIDE, SIDE)
    for cells in (2, 4, 8, 16):
        part = torch.rand(count, 3, cells, cells, generator=generator)
        found += torch.nn.functional.interpolate(part, size=SIDE, mode="bilinear")
    return (found * 60).byte()


def images(tensor: Tensor) -> TensorImages:
    return TensorImages(tensor=tensor, targets=torch.zeros(len(tensor), dtype=torch.int64))


def as_picture(pixels: Tensor) -> Image.Image:
    return Image.fromarray(pixels.permute(1, 2, 0).numpy())


def as_pixels(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def saved_as_jpeg(picture: Image.Image, quality: int = 40) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=quality)
    return Image.open(buffer)


CHANGES = {
    "nothing": lambda each: each,
    "jpeg": saved_as_jpeg,
    "size": lambda each: each.resize((20, 20)).resize((SIDE, SIDE)),
    "brightness": lambda each: each.point(lambda value: min(255, int(value * 0.8 + 20))),
    "grey": lambda each: each.convert("L").convert("RGB"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_found_and_nothing_else(change: str) -> None:
    train, test = photos(200, seed=0), photos(50, seed=1)
    for place, of in ((3, 17), (40, 120)):
        test[place] = as_pixels(CHANGES[change](as_picture(train[of])))
    found = near_duplicates(images(test), images(train))
    assert {(each.test, each.train) for each in found} == {(3, 17), (40, 120)}
    for each in found:
        correlation = np.corrcoef(small(test[each.test]), small(train[each.train]))[0, 1]
        assert each.similarity == pytest.approx(correlation, abs=1e-4)
    assert found[0].similarity >= found[1].similarity


def small(pixels: Tensor) -> np.ndarray:
    """The mean grey of every 2 x 2 pixels."""
    grey = (np.array([0.299, 0.587, 0.114])[:, None, None] * pixels.numpy()).sum(0)
    return grey.reshape(SIDE // 2, 2, SIDE // 2, 2).mean((1, 3)).ravel()


def test_a_copy_is_found_though_training_has_it_many_times() -> None:
    train, test = photos(100, seed=0), photos(10, seed=1)
    train[20:60] = train[20]
    test[4] = as_pixels(saved_as_jpeg(as_picture(train[20]), 95))
    assert [each.test for each in near_duplicates(images(test), images(train))] == [4]


def test_images_of_one_colour_are_like_none() -> None:
    train, test = photos(30, seed=0), photos(4, seed=1)
    for place, level in enumerate((0, 128, 255)):
        test[place], train[place] = level, level
    test[3] = torch.full((3, SIDE, SIDE), 7, dtype=torch.uint8)
    assert near_duplicates(images(test), images(train)) == []


def test_things_that_stand_alike_before_black_are_no_copies() -> None:
    generator = torch.Generator().manual_seed(0)
    shape = torch.zeros(1, SIDE, SIDE)
    shape[:, 6:26, 10:22] = 1
    grain = torch.rand(300, 1, SIDE, SIDE, generator=generator) * 60
    coats = (shape * (150 + grain)).byte()
    assert near_duplicates(images(coats[:50]), images(coats[50:])) == []


def test_of_images_of_8_pixels_only_equal_ones_count() -> None:
    pixels = photos(300, seed=0)[:, :1, ::4, ::4].contiguous()
    test, train = pixels[:50].clone(), pixels[50:]
    test[5] = train[100]
    test[6] = (train[101].float() * 0.9 + torch.randint(12, (8, 8))).byte()
    assert [(e.test, e.train) for e in near_duplicates(images(test), images(train))] == [(5, 100)]


def test_files_are_compared_whole(tmp_path) -> None:
    pixels = photos(30, seed=0)
    paths = []
    for place, each in enumerate(pixels):
        wide = as_picture(each).resize((200, 120))
        wide.save(tmp_path / f"{place}.png")
        paths.append(str(tmp_path / f"{place}.png"))
    Image.open(paths[9]).resize((100, 60)).save(tmp_path / "copy.jpg")
    targets = torch.zeros(30, dtype=torch.int64)
    train = FileImages(paths=paths, targets=targets, preprocessing=RESIZED)
    test = FileImages(
        paths=[str(tmp_path / "copy.jpg"), str(tmp_path / "gone.jpg")],
        targets=targets[:2],
        preprocessing=RESIZED,
    )
    assert [(each.test, each.train) for each in near_duplicates(test, train)] == [(0, 9)]


def test_too_many_are_refused(monkeypatch) -> None:
    monkeypatch.setattr(module, "_MOST_PAIRS", 99)
    with pytest.raises(ConfigError, match="10 test images and 10 training images are too many"):
        near_duplicates(images(photos(10, seed=0)), images(photos(10, seed=1)))
