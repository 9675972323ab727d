"""Whose word counts for the size, the crop and the statistics of images."""

import numpy as np
import pytest
import torch

from cotrain.basics.errors import ConfigError
from cotrain.config import Data
from cotrain.data import FileImages, TensorImages
from cotrain.data.framing import (
    channels_of,
    frame_of,
    in_channels,
    refuse_other_shape,
    with_statistics,
)
from cotrain.data.sources import Source
from cotrain.ensemble.preprocessing import Preprocessing

NATIVE = Preprocessing(
    image_size=176, in_channels=3, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6), margin=1.25
)


def folder(**settings):
    return Data(dataset="imagefolder", root="photos", **settings)


def source(**facts):
    nothing = torch.zeros(0, dtype=torch.int64)
    return Source(images=[], targets=nothing, classes=(), parts={}, in_channels=3, **facts)


def frame(data, found=None, *, keep_files=False, native=None):
    return frame_of(data, found or source(), (), keep_files=keep_files, native=native)


@pytest.mark.parametrize(
    ("data", "channels"),
    [
        (Data(dataset="digits"), 1),
        (Data(dataset="cifar10"), 3),
        (Data(dataset="digits", in_channels=3), 3),
        (folder(), 3),
        (folder(in_channels=1), 1),
    ],
)
def test_channels(data, channels):
    assert channels_of(data) == channels


def test_size_is_the_users_else_the_networks_else_the_data_sets():
    known = source(image_size=32)
    assert frame(folder(image_size=8), known, native=NATIVE).image_size == 8
    assert frame(folder(), known, native=NATIVE).image_size == 176
    assert frame(folder(), known).image_size == 32


@pytest.mark.parametrize("keep_files", [False, True])
def test_margin_is_the_users_else_the_networks_else_that_of_photos(keep_files):
    assert frame(folder(margin=1.1, image_size=8), native=NATIVE).margin == 1.1
    assert frame(folder(), keep_files=keep_files, native=NATIVE).margin == 1.25
    usual = 1.15 if keep_files else 1.0
    assert frame(folder(image_size=8), keep_files=keep_files).margin == usual
    assert frame(Data(dataset="cifar10", image_size=8), native=NATIVE).margin == 1.0


def test_the_ground_is_the_users():
    assert frame(folder(image_size=8, background="black")).background == "black"


def images():
    tensor = torch.from_numpy(np.array([[[[0, 51]]], [[[102, 255]]]], dtype=np.uint8))
    return TensorImages(tensor=tensor, targets=torch.tensor([0, 1]))


def statistics(data, found, train, native=None, channels=3):
    blank = (0.0,) * channels
    shape = Preprocessing(image_size=8, in_channels=channels, mean=blank, std=(1.0,) * channels)
    made = with_statistics(shape, data, found, train, native)
    return made.mean, made.std


def test_statistics_are_the_users_else_the_networks_else_the_data_sets_else_the_images():
    known = source(mean=(0.7, 0.7, 0.7), std=(0.2, 0.2, 0.2))
    given = folder(mean=[0.9] * 3, std=[0.8] * 3)
    assert statistics(given, known, images(), NATIVE) == ((0.9,) * 3, (0.8,) * 3)
    assert statistics(folder(mean=[0.9] * 3), known, images(), NATIVE)[1] == (0.4, 0.5, 0.6)
    assert statistics(folder(), known, images(), NATIVE) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    assert statistics(folder(), known, images()) == ((0.7,) * 3, (0.2,) * 3)
    # Of 0, 0.2, 0.4 and 1: their mean, and the root of the mean square distance from it.
    mean, std = statistics(folder(in_channels=1), known, images(), channels=1)
    assert (mean, std) == ((0.4,), (pytest.approx(np.std([0, 0.2, 0.4, 1]), abs=6e-5),))


def test_files_on_disk_have_the_statistics_of_photos_also_in_grey():
    shape = Preprocessing(image_size=8, in_channels=1, mean=(0.5,), std=(0.5,))
    files = FileImages(paths=[], targets=torch.zeros(0).long(), preprocessing=shape)
    assert statistics(folder(), source(), files)[0] == (0.485, 0.456, 0.406)
    mean, std = statistics(folder(in_channels=1), source(), files, channels=1)
    assert mean == pytest.approx((0.449,))
    assert std == pytest.approx((0.226,))
    assert in_channels((0.3, 0.6), 2) == (0.3, 0.6)


@pytest.mark.parametrize(
    ("settings", "own"),
    [
        ({"image_size": 32}, "176"),
        ({"in_channels": 1}, "3"),
        ({"margin": 1.1}, "1.25"),
        ({"mean": [0.5] * 3}, r"\(0.1, 0.2, 0.3\)"),
        ({"std": [0.5] * 3}, r"\(0.4, 0.5, 0.6\)"),
        ({"background": "black"}, "white"),
    ],
)
def test_what_an_ensemble_was_not_trained_for_is_refused(settings, own):
    (name,) = settings
    with pytest.raises(
        ConfigError, match=rf"^data.{name}=.* not what .* trained for, {own}: leave"
    ):
        refuse_other_shape(folder(**settings), NATIVE)


def test_what_it_was_trained_for_may_be_said():
    same = {"image_size": 176, "margin": 1.25, "mean": [0.1, 0.2, 0.3]}
    refused = []
    for settings in ({}, same, {**same, "image_size": 175}):
        try:
            refuse_other_shape(folder(**settings), NATIVE)
        except ConfigError as error:
            refused.append(str(error).partition(" is")[0])
    assert refused == ["data.image_size=175"]
