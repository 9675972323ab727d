"""Which image is trained on, selects, or tests."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cotrain.basics.errors import ConfigError
from cotrain.config import Data
from cotrain.data.partition import allocate, draw_test, partition
from cotrain.data.sources import Source

SIZES = (40, 20, 20, 20)  # images of each class in each part


def source(*parts, sizes=SIZES):
    labels = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    count = len(labels)
    return Source(
        images=np.zeros((count * len(parts), 1, 1), dtype=np.uint8),
        targets=labels.repeat(len(parts)),
        classes=tuple("abcdefgh"[: len(sizes)]),
        parts={part: torch.arange(i * count, (i + 1) * count) for i, part in enumerate(parts)},
        in_channels=1,
    )


def per_class(indices, origin):
    return origin.targets[indices].bincount(minlength=len(origin.classes)).tolist()


def disjoint(*parts):
    joined = torch.cat(parts)
    return len(joined.unique()) == len(joined)


@given(st.lists(st.integers(1, 50), min_size=2, max_size=8), st.data())
def test_places_are_shared_out_exactly_and_in_proportion(sizes, data):
    count = data.draw(st.integers(len(sizes), sum(sizes)))
    quotas = allocate(sizes, count)
    assert sum(quotas) == count
    for quota, size in zip(quotas, sizes, strict=True):
        assert 1 <= quota <= size
        # At most one above its share; as far below as the classes of one place have taken.
        assert quota <= max(count * size / sum(sizes) + 1, 1)


def test_largest_remainders_round_up():
    assert allocate([50, 30, 20], 7) == [4, 2, 1]  # 3.5, 2.1, 1.4
    assert allocate([98, 1, 1], 10) == [8, 1, 1]  # 9.8, 0.1, 0.1: every class has one


def test_train_and_test_with_validation_split_off():
    origin = source("train", "test")
    parts: Any = partition(origin, Data(validation=0.1))
    assert per_class(parts.val, origin) == [4, 2, 2, 2]
    assert per_class(parts.train, origin) == [36, 18, 18, 18]
    assert torch.equal(parts.test, origin.parts["test"])
    assert disjoint(parts.train, parts.val, parts.test)
    assert parts.tested_on == "test"


def test_a_part_to_calibrate_on_is_drawn_from_what_validation_leaves():
    origin = source("train", "test")
    usual: Any = partition(origin, Data(validation=0.1))
    assert usual.calibration is None
    for wanted, count in ((0.25, 22), (41.0, 41), (0.001, 4), (86.0, 86)):
        parts: Any = partition(origin, Data(validation=0.1, calibration=wanted))
        assert torch.equal(parts.val, usual.val)
        assert torch.equal(parts.test, usual.test)
        assert len(parts.calibration) == count
        assert min(per_class(parts.train, origin)) >= 1
        assert min(per_class(parts.calibration, origin)) >= 1
        drawn = torch.cat([parts.train, parts.calibration])
        assert torch.equal(drawn.sort().values, usual.train)
    assert list(parts.named()) == ["train", "val", "calibration", "test"]
    assert parts.origins["calibration"] == "86 of the images left to train on, drawn"


def test_a_number_is_exact_where_classes_are_small():
    origin = source("train", "test", sizes=(2, 2, 30))
    parts: Any = partition(origin, Data(validation="none", calibration=31))
    assert per_class(parts.calibration, origin) == [1, 1, 29]


@pytest.mark.parametrize("calibration", ["none", 0.0])
def test_no_part_to_calibrate_on(calibration):
    origin = source("all")
    parts = partition(origin, Data(calibration=calibration))
    assert parts.calibration is None
    assert torch.equal(parts.train, partition(origin, Data()).train)


def test_calibration_images_of_a_run_that_tests_on_what_selected():
    origin = source("train", "val")
    parts: Any = partition(origin, Data(calibration=0.25, split_seed=1))
    assert per_class(parts.calibration, origin) == [10, 5, 5, 5]
    assert parts.tested_on == "val"


@pytest.mark.parametrize("validation", ["none", 0.0])
def test_nothing_is_selected(validation):
    origin = source("train", "test")
    parts: Any = partition(origin, Data(validation=validation))
    assert parts.val is None
    assert torch.equal(parts.train, origin.parts["train"])


def test_all_three_parts_as_named():
    origin = source("train", "val", "test")
    parts: Any = partition(origin, Data())
    for name in ("train", "val", "test"):
        assert torch.equal(getattr(parts, name), origin.parts[name])


@pytest.mark.parametrize(
    ("parts", "data", "name"),
    [
        (("train", "val", "test"), Data(validation=0.5), "validation"),
        (("train", "test"), Data(test=0.5), "test"),
        (("all",), Data(test=0.5, train_images=30), "test"),
        (("train", "val", "test"), Data(split_seed=1), "split_seed"),
        (("train", "test"), Data(split_seed=1, validation="none"), "split_seed"),
    ],
)
def test_settings_that_draw_nothing_are_errors(parts, data, name):
    with pytest.raises(ConfigError, match=rf"data.{name}=.* would be ignored"):
        partition(source(*parts), data)


def test_a_test_that_lacks_a_class_is_drawn_from_what_it_has():
    origin = source("test", sizes=(4, 0, 8))
    drawn = draw_test(6, origin.parts["test"], origin, 0)
    assert per_class(drawn, origin) == [2, 0, 4]


def test_where_each_part_comes_from_is_said():
    given = partition(source("train", "test"), Data(train_images=50)).origins
    assert given["train"] == "50 drawn from the data set's train images"
    assert given["val"] == "0.1 of the training images, drawn"
    assert given["test"] == "the data set's test images"
    assert partition(source("all"), Data()).origins["test"] == "0.2 of all images, drawn"


def test_a_val_folder_alone_selects_and_tests_and_says_so():
    origin = source("train", "val")
    parts: Any = partition(origin, Data())
    assert torch.equal(parts.val, origin.parts["val"])
    assert torch.equal(parts.test, origin.parts["val"])
    assert parts.tested_on == "val"


def test_a_val_folder_alone_is_the_test_when_nothing_is_selected():
    origin = source("train", "val")
    parts: Any = partition(origin, Data(validation="none"))
    assert parts.val is None
    assert torch.equal(parts.test, origin.parts["val"])
    assert parts.tested_on == "test"


def test_one_folder_is_split_by_ratio():
    origin = source("all")
    parts: Any = partition(origin, Data(test=0.2, validation=0.1))
    assert per_class(parts.test, origin) == [8, 4, 4, 4]
    assert sum(per_class(parts.val, origin)) == 8  # 0.1 of the other 80
    assert len(parts.train) + len(parts.val) + len(parts.test) == 100
    assert disjoint(parts.train, parts.val, parts.test)


def test_no_test_at_all():
    parts = partition(source("all"), Data(test=0.0, validation="none"))
    assert parts.test is None
    assert len(parts.train) == 100


def test_train_images_without_a_test_split_leave_the_others_to_the_test():
    origin = source("all")
    parts: Any = partition(origin, Data(train_images=30, validation="none"))
    assert per_class(parts.train, origin) == [12, 6, 6, 6]
    assert len(parts.test) == 70
    assert disjoint(parts.train, parts.test)


def test_subsets_are_stratified_and_validation_comes_out_of_train_images():
    origin = source("train", "test")
    parts: Any = partition(origin, Data(train_images=50, test_images=10, validation=0.2))
    assert per_class(parts.test, origin) == [4, 2, 2, 2]
    assert per_class(parts.val, origin) == [4, 2, 2, 2]
    assert per_class(parts.train, origin) == [16, 8, 8, 8]


def test_the_split_depends_on_its_seed_alone():
    origin = source("all")
    first, again = partition(origin, Data(split_seed=1)), partition(origin, Data(split_seed=1))
    other = partition(origin, Data(split_seed=2))
    assert torch.equal(first.train, again.train)
    assert not torch.equal(first.train, other.train)


def test_a_small_share_still_has_every_class():
    origin = source("train", "test")
    assert per_class(partition(origin, Data(validation=0.001)).val, origin) == [1, 1, 1, 1]


def test_a_large_share_leaves_every_class_to_train_on():
    origin = source("train", "test", sizes=(2, 2, 30))
    assert min(per_class(partition(origin, Data(validation=0.95)).train, origin)) == 1


@pytest.mark.parametrize(
    ("data", "sizes", "message"),
    [
        (Data(train_images=101), SIZES, "data.train_images=101, but there are 100 images"),
        (Data(train_images=3), SIZES, "of 4 classes: give at least one a class"),
        (Data(test_images=500), SIZES, "data.test_images=500"),
        (Data(), (1, 5), "class 'a' has only 1 image .* --data.validation none"),
        (Data(calibration=0.5), (2, 5), "calibration=0.5, .* 1 image .* --data.calibration none"),
        (Data(calibration=87), SIZES, r"data.calibration=87, but 90 images .* give 4 to 86"),
        (Data(calibration=3), SIZES, r"data.calibration=3, .* give 4 to 86"),
    ],
)
def test_too_few_images(data, sizes, message):
    with pytest.raises(ConfigError, match=message):
        partition(source("train", "test", sizes=sizes), data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Data(train_images=100), "leaves none to test on"),
        (Data(test=0.0, test_images=5), "data.test=0 leaves none"),
    ],
)
def test_no_image_left_to_test_on(data, message):
    with pytest.raises(ConfigError, match=message):
        partition(source("all"), data)
