"""Data sets of a program, split, read and remembered as others are; or refused in one line."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from image_folders import noise
from torch.utils.data import Subset
from user_datasets import Listed, noisy, turned

from cotrain.basics.errors import ConfigError
from cotrain.config import Data
from cotrain.data import UserData, load_splits
from cotrain.data.user_data import user_source

DATA = Data(dataset="given")


def opened(given: UserData, data: Data = DATA, **wanted: Any):
    return load_splits(data, source=user_source(given, data), **wanted)


def test_parts_are_those_that_are_given_and_hold_the_same_pixels():
    train, val, test = (noisy(count, seed=seed) for seed, count in enumerate((10, 4, 6)))
    found = opened(UserData(train=Listed(train), val=Listed(val), test=Listed(test)))
    for images, pairs in ((found.train, train), (found.val, val), (found.test, test)):
        assert images is not None
        assert images.targets.tolist() == [label for _, label in pairs]
        pixels = np.stack([np.asarray(image) for image, _ in pairs])
        expected = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        assert images.pixels(range(len(images))).equal(expected)
    shares = np.stack([np.asarray(image) for image, _ in train]) / 255
    assert found.preprocessing.mean == tuple(shares.mean((0, 1, 2)).round(4).tolist())
    assert found.classes == ("0", "1")
    assert "train: 10 images (5 of each class), the given train" in str(found.summary)


def test_what_is_not_given_is_drawn_as_the_settings_say():
    sizes = {
        name: len(part)
        for given in (
            UserData(train=Listed(noisy(20))),
            UserData(train=Listed(noisy(20)), test=Listed(noisy(6, seed=1))),
            UserData(train=Listed(noisy(20)), val=Listed(noisy(6, seed=1))),
        )
        for name, part in user_source(given, DATA).parts.items()
    }
    assert sizes == {"all": 20, "train": 20, "test": 6, "val": 6}
    alone = opened(UserData(train=Listed(noisy(40))))
    assert [len(each) for each in (alone.train, alone.val, alone.test) if each] == [29, 3, 8]
    tested = opened(UserData(train=Listed(noisy(20)), test=Listed(noisy(6, seed=1))))
    assert [len(each) for each in (tested.train, tested.val, tested.test) if each] == [18, 2, 6]
    validated = opened(UserData(train=Listed(noisy(20)), val=Listed(noisy(6, seed=1))))
    assert validated.tested_on == "val"


def test_a_split_is_found_again_or_what_changed_is_told():
    pairs = noisy(20)
    first = opened(UserData(train=Listed(pairs)))
    again = opened(UserData(train=Listed(pairs)), remembered=first.record)
    assert first.test is not None
    assert again.test is not None
    assert again.test.pixels(range(4)).equal(first.test.pixels(range(4)))
    assert again.record == first.record
    changed = [(noise(99), 0), *pairs[1:]]
    with pytest.raises(ConfigError, match="1 of the images that the run remembers are changed"):
        opened(UserData(train=Listed(changed)), remembered=first.record)
    relabelled = [(pairs[0][0], 1), (pairs[1][0], 0), *pairs[2:]]
    with pytest.raises(ConfigError, match=r"1 of the images .* of another class now"):
        opened(UserData(train=Listed(relabelled)), remembered=first.record)
    with pytest.raises(ConfigError, match=r"data=\.\.\."):
        load_splits(DATA, remembered=first.record)


def test_other_sizes_need_a_size_and_other_colours_become_one():
    mixed = [*noisy(10), *((noise(50 + i, (20, 16)).convert("L"), i % 2) for i in range(4))]
    with pytest.raises(ConfigError, match=r"2 different sizes.*data.image_size"):
        opened(UserData(train=Listed(mixed)))
    found = opened(UserData(train=Listed(mixed)), replace(DATA, image_size=12))
    assert found.train.pixels([0]).shape == (1, 3, 12, 12)
    grey = [(image.convert("L"), label) for image, label in noisy(10)]
    assert user_source(UserData(train=Listed(grey)), DATA).in_channels == 1


def test_unreadable_images_stop_or_are_counted():
    pairs = noisy(22)
    pairs[3] = (OSError("gone"), 1)
    with pytest.raises(ConfigError, match=r"1 image files .*train\[3\] \(OSError: gone\)"):
        user_source(UserData(train=Listed(pairs)), DATA)
    found = opened(UserData(train=Listed(pairs)), replace(DATA, unreadable="skip"))
    assert "left out: 1 that cannot be read" in str(found.summary)
    assert len(found.train) + len(found.val or ()) + len(found.test or ()) == 21


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"train": Listed([])}, "train is empty"),
        ({"train": iter([])}, "is a list_iterator without a length"),
        ({"train": Listed(noisy(8), turned)}, r"is another image when it is asked for again"),
        ({"train": Listed(noisy(8)), "val": Listed(noisy(8), turned)}, r"val\[\d\] is another"),
        ({"train": Listed(noisy(8), turned), "draws": True}, "gives views only"),
        ({"train": Listed(noisy(8)), "draws": True, "transform": turned}, "give one of them"),
        (
            {"train": Listed(noisy(8)), "transform": len},
            r"the transform of train\[0\] failed \(Type",
        ),
        ({"train": Listed(noisy(8)), "transform": "unseeded"}, "no run could be resumed"),
    ],
)
def test_data_sets_that_cannot_be_used_are_refused(given, message):
    if given.get("transform") == "unseeded":
        own = np.random.default_rng()
        given = given | {"transform": lambda image: image.rotate(90 * own.integers(4))}
    with pytest.raises(ConfigError, match=message):
        user_source(UserData(**given), DATA)


def test_numbers_mean_the_same_classes_in_every_part():
    train, test = Listed(noisy(6, classes=3)), Listed(noisy(4))
    train.classes, test.classes = ["bird", "cat", "dog"], ["cat", "dog"]  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match=r"^test calls class 0 'cat', and train 'bird': number"):
        user_source(UserData(train=train, test=Subset(test, [0, 1])), DATA)
    named = user_source(UserData(train=train, test=test, classes=["a", "b", "c"]), DATA)
    assert named.targets[named.parts["test"]].tolist() == [0, 1, 0, 1]
    test.classes = ["bird", "cat"]  # type: ignore[attr-defined]
    assert user_source(UserData(train=train, test=test), DATA).classes == ("bird", "cat", "dog")
    words = Listed([(image, ("dog", "cat")[label]) for image, label in noisy(4)])
    with pytest.raises(ConfigError, match=r"^the classes are numbers and names: give one kind"):
        user_source(UserData(train=words, test=Listed(noisy(4))), DATA)


def test_settings_that_are_not_heeded_are_refused():
    with pytest.raises(ConfigError, match=r"data.root=x would be ignored: the images are given"):
        opened(UserData(train=Listed(noisy(20))), replace(DATA, root="x"))
