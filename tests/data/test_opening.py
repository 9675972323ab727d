"""Images to test on: of another folder all that have a label, of a data set its test."""

from dataclasses import replace

import pytest

from cotrain.basics.errors import ConfigError
from cotrain.config import Data
from cotrain.data import FileImages, load_splits, load_test
from cotrain.ensemble.preprocessing import Preprocessing

SHAPE = Preprocessing(image_size=12, in_channels=3, mean=(0.5,) * 3, std=(0.25,) * 3)
CLASSES = ("ant", "bee", "cat")


def read(root, *, classes=CLASSES, keep_files=False, **settings):
    data = Data(dataset="imagefolder", root=str(root), **settings)
    return load_test(data, keep_files=keep_files, shape=SHAPE, classes=classes)


def targets(splits):
    assert splits.test is not None
    return splits.test.targets.tolist()


def test_all_labelled_images_of_a_folder(write_images):
    splits = read(write_images(count=3, classes=("bee", "cat")))
    assert targets(splits) == [1, 1, 1, 2, 2, 2]
    assert (len(splits.train), splits.val, splits.tested_on) == (0, None, "test")
    assert splits.preprocessing is SHAPE
    assert splits.summary is not None
    assert list(splits.summary.parts) == ["test"]
    assert splits.summary.parts["test"].smallest == ("ant", 0)
    assert splits.summary.parts["test"].origin == "the folder"


@pytest.mark.parametrize("count", [1, 2])
def test_few_images_of_one_class_are_enough(write_images, count):
    assert targets(read(write_images(count=count, classes=("bee",)))) == [1] * count


@pytest.mark.parametrize(
    ("parts", "origin"),
    [
        (("test",), "test/"),
        (("Testing", "train"), "Testing/"),
        (("valid",), "valid/"),
        (("train", "val", "test"), "test/"),
        (("train",), "train/"),
    ],
)
def test_a_folder_made_for_the_test_is_taken_alone(write_images, parts, origin):
    root, *_ = [write_images(part, count=count) for count, part in enumerate(parts, start=1)]
    splits = read(root)
    assert splits.summary is not None
    assert splits.summary.parts["test"].origin == origin
    assert len(targets(splits)) == 2 * (parts.index(origin[:-1]) + 1)


def test_without_known_classes_they_are_those_of_the_folders(write_images):
    splits = read(write_images(count=1), classes=())
    assert splits.classes == ("ant", "bee")


def test_some_of_them_drawn_evenly(write_images):
    root = write_images(count=6)
    first, second = (read(root, test_images=4, split_seed=seed) for seed in (0, 2))
    assert targets(first) == targets(second) == [0, 0, 1, 1]
    assert first.record is not None
    assert second.record is not None
    assert first.record.parts["test"].names != second.record.parts["test"].names
    assert first.summary is not None
    assert first.summary.parts["test"].origin == "4 drawn from the folder"


@pytest.mark.parametrize(
    ("classes", "message"),
    [(("ant",), r"class folders \['bee'\], but the classes that are trained"), (CLASSES, None)],
)
def test_classes_that_are_not_trained_are_refused(write_images, classes, message):
    root = write_images(count=1)
    if message is None:
        assert targets(read(root, classes=classes)) == [0, 1]
    else:
        with pytest.raises(ConfigError, match=message):
            read(root, classes=classes)


def test_no_labelled_image_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="has no image of a class: give another folder"):
        read(tmp_path)


def test_a_data_set_has_its_own_test():
    grey = Preprocessing(image_size=8, in_channels=1, mean=(0.3,), std=(0.4,))
    data = Data(dataset="digits", train_images=1700)
    splits = load_test(data, keep_files=False, shape=grey, classes=())
    assert len(targets(splits)) == 97
    assert targets(splits) == targets(load_splits(data))


@pytest.mark.parametrize("keep_files", [False, True])
def test_the_test_that_is_remembered_and_some_of_it(write_images, keep_files):
    data = Data(dataset="imagefolder", root=str(write_images(count=10)), image_size=12)
    record = load_splits(data, keep_files=keep_files).record
    assert record is not None
    known = {"shape": SHAPE, "classes": ("ant", "bee"), "remembered": record}
    splits = load_test(data, keep_files=keep_files, **known)
    assert targets(splits) == list(record.parts["test"].targets)
    assert isinstance(splits.test, FileImages) == keep_files
    some = load_test(replace(data, test_images=2), keep_files=keep_files, **known)
    assert targets(some) == [0, 1]
    assert some.summary is not None
    assert some.summary.parts["test"].origin == "2 drawn from what the run remembers"
    with pytest.raises(ConfigError, match=r"data.test=0.4 would be ignored"):
        load_test(replace(data, test=0.4), keep_files=keep_files, **known)
