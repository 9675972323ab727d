"""Settings that no images and views have, and those that nothing would heed."""

import pytest

from cotrain.basics.errors import ConfigError
from cotrain.config import Data, Views
from cotrain.data.settings import check_data, check_heeded, check_unsplit


def folder(**settings):
    return Data(dataset="imagefolder", root="photos", **settings)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Data(dataset="digits", root="photos"), r"data.root=photos would be ignored: digits are"),
        (Data(dataset="digits", download=True), "digits cannot be downloaded"),
        (folder(download=True), "imagefolder cannot be downloaded.*--data.download false"),
        (Data(dataset="imagenet", root="x", download=True), "imagenet cannot be downloaded"),
        (Data(dataset="digits", scan=False), r"data.scan=False would be ignored.*no files"),
        (Data(dataset="cifar10", root="x", unreadable="skip"), r"of cifar10 are no files"),
        (Data(dataset="svhn", root="x", margin=1.1), "no files: give --data.margin null"),
        (
            Data(dataset="svhn", root="x", background="red"),
            "give --data.background white",
        ),
        (Data(dataset="imagenet", root="x", layout="classes"), "laid out in one way"),
        (folder(scan=False), "every file is decoded once unless views.crop is resized"),
    ],
)
def test_settings_that_would_be_ignored(data, message):
    with pytest.raises(ConfigError, match=message):
        check_data(data, keep_files=False)


@pytest.mark.parametrize(
    "data",
    [
        Data(dataset="digits", mean=[0.3], std=[0.4], image_size=16),
        Data(dataset="cifar10", root="x", download=True),
        folder(unreadable="skip", layout="classes", margin=1.2, background="#102030"),
    ],
)
def test_settings_that_are_heeded(data):
    check_data(data, keep_files=False)


def test_files_that_are_left_on_disk_are_skipped_by_the_scan_only():
    check_data(folder(unreadable="skip"), keep_files=True)
    check_data(folder(scan=False), keep_files=True)
    with pytest.raises(ConfigError, match=r"unreadable=skip .* data.scan=false"):
        check_data(folder(unreadable="skip", scan=False), keep_files=True)


@pytest.mark.parametrize(
    ("setting", "values", "divided"),
    [
        ("mean", [123.675, 116.28, 103.53], r"\[0.485, 0.456, 0.406\]"),
        ("std", [58.395, 57.12, 57.375], r"\[0.229, 0.224, 0.225\]"),
        ("mean", [0.5, 1.5, 0.5], r"\[0.002, 0.0059, 0.002\]"),
        ("mean", [-0.1], "-0.0004"),
    ],
)
def test_statistics_of_pixels_up_to_255(setting, values, divided):
    with pytest.raises(ConfigError, match=rf"data.{setting}=.*divided by 255, it is .*{divided}"):
        check_data(folder(**{setting: values}), keep_files=False)


@pytest.mark.parametrize("colour", ["transparent", "#12345", "#11223344", "", "rgba(1,2,3,4)"])
def test_grounds_are_opaque_colours(colour):
    with pytest.raises(ConfigError, match=r"data.background=.* is no opaque colour"):
        check_data(folder(background=colour), keep_files=False)


@pytest.mark.parametrize(
    "settings", [{"validation": 0.3}, {"test": 0.5}, {"train_images": 7}, {"split_seed": 1}]
)
def test_all_images_of_a_folder_are_not_split(settings):
    with pytest.raises(ConfigError, match="would be ignored: all images of the folder"):
        check_unsplit(folder(**settings))
    check_unsplit(folder(test_images=3, split_seed=1))
    check_unsplit(folder())


@pytest.mark.parametrize(
    ("views", "message"),
    [
        (
            Views(crop="none", padding=2),
            r"views.padding=2 would .* give --views.padding 4, or leave",
        ),
        (Views(crop="resized", padding=8), r"views.padding=8 .* views.crop=resized does not pad"),
        (
            Views(scale=(0.3, 1.0)),
            r"scale=\(0.3, 1.0\) .* views.crop=pad cuts out no share: .* '\[0.08, 1.0\]'",
        ),
        (Views(draft=True), r"views.draft=True .* views.crop=pad cuts out no share"),
        (Views(erasing_scale=(0.1, 0.2)), r"erasing_scale=.* views.erasing=0 erases nothing"),
        (
            Views(erasing_ratio=(1, 1)),
            r"erasing_ratio=.* give --views.erasing_ratio '\[0.3, 3.3\]'",
        ),
    ],
)
def test_settings_of_views_that_would_be_ignored(views, message):
    with pytest.raises(ConfigError, match=message):
        check_heeded(views, folder())


@pytest.mark.parametrize("dataset", ["cifar10", "given", "digits"])
def test_only_files_are_read_quickly(dataset):
    views = Views(crop="resized", draft=True)
    with pytest.raises(ConfigError, match=f"views.draft=True .* images of {dataset} are no files"):
        check_heeded(views, Data(dataset=dataset))


@pytest.mark.parametrize(
    "views",
    [
        Views(padding=2, flip=False),
        Views(crop="resized", scale=(0.3, 1.0), erasing=0.1, erasing_scale=(0.1, 0.2)),
        Views(crop="resized", draft=True),
        Views(crop="none", erasing=1.0, erasing_ratio=(1, 1), mixup=0.2, same_view=True),
    ],
)
def test_settings_of_views_that_are_heeded(views):
    check_heeded(views, folder())


def test_bounds_hold_for_data_that_no_experiment_has_checked():
    with pytest.raises(ConfigError, match=r"data.workers=999 is not in \[0, 256\]"):
        check_data(folder(workers=999), keep_files=False)
