"""Runs share what they hold out, and no run has trained on what another is judged by."""

from dataclasses import replace

import pytest

from cotrain import ConfigError
from cotrain.data.shared_split import shared_split
from cotrain.data.split_record import PartRecord, SplitOrigin, SplitRecord

ORIGIN = SplitOrigin(
    dataset="digits", root=None, settings={}, classes=("zero", "one"), tested_on="test"
)


def part(*numbers: int) -> PartRecord:
    return PartRecord(
        names=tuple(map(str, numbers)),
        targets=tuple(number % 2 for number in numbers),
        sizes=None,
        contents=tuple(f"content {number}" for number in numbers),
    )


def record(train: tuple[int, ...], val: tuple[int, ...] = (10, 11)) -> SplitRecord:
    parts = {"train": part(*train), "val": part(*val), "test": part(20, 21)}
    return SplitRecord(origin=ORIGIN, parts=parts)


def test_equal_splits_and_other_training_images_are_shared():
    model = record((0, 1, 2))
    assert shared_split({"a": model, "b": record((0, 1, 2)), "c": record((2, 3))}) is model


def test_an_image_that_another_run_trained_on_is_named():
    with pytest.raises(ConfigError, match=r"b has trained on 1 of the val images of a \(11\)"):
        shared_split({"a": record((0, 1)), "b": record((0, 11), val=(10, 12))})
    with pytest.raises(ConfigError, match=r"a has trained on 2 of the test images of b \(20\)"):
        shared_split({"a": record((20, 21)), "b": record((0, 1))})


def test_other_names_for_the_same_image_are_seen():
    moved = replace(part(5, 6), contents=("content 10", "content 6"))
    other = replace(record((0,)), parts={**record((0,)).parts, "train": moved})
    with pytest.raises(ConfigError, match=r"b has trained on 1 of the val images of a \(10\)"):
        shared_split({"a": record((0, 1)), "b": other})


def test_other_images_held_out_and_unknown_splits_are_refused():
    with pytest.raises(ConfigError, match="b and a were not trained and validated on the same"):
        shared_split({"a": record((0, 1)), "b": record((0, 1), val=(12, 13))})
    with pytest.raises(ConfigError, match="b does not say which images it trained on"):
        shared_split({"a": record((0, 1)), "b": None})
    unread = replace(part(0, 3), contents=None)
    unknown = replace(record((0,)), parts={**record((0,)).parts, "train": unread})
    with pytest.raises(ConfigError, match="b has trained on the val images of a is not known"):
        shared_split({"a": record((0, 1)), "b": unknown})


def test_another_order_of_the_classes_is_the_same_images():
    other = record((0, 1))
    turned = {
        name: replace(each, targets=tuple(1 - target for target in each.targets))
        for name, each in other.parts.items()
    }
    swapped = replace(other, origin=replace(ORIGIN, classes=("one", "zero")), parts=turned)
    assert shared_split({"a": record((0, 1)), "b": swapped}).digest == record((0, 1)).digest
