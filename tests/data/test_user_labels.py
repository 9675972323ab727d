"""Classes of a program's data sets: each understood, or refused by the image's name."""

import numpy as np
import pytest
import torch
from torch.utils.data import Subset
from user_datasets import Listed

from cotrain.basics.errors import ConfigError
from cotrain.data.user_labels import known_classes, label_of, numbers_of


@pytest.mark.parametrize(
    ("value", "label"),
    [(3, 3), (np.int64(3), 3), (np.uint8(3), 3), (torch.tensor(3), 3), ("ant", "ant")],
)
def test_whole_numbers_and_names_are_classes(value, label):
    found = label_of(value, "train[0]")
    assert (found, type(found)) == (label, type(label))


@pytest.mark.parametrize(
    "value",
    [
        -1,
        3.0,
        True,
        None,
        "",
        "nan",
        float("nan"),
        torch.tensor([0, 1]),
        np.float32(1),
        torch.tensor(1.0),
    ],
)
def test_what_is_no_class_is_refused(value):
    with pytest.raises(ConfigError, match=r"train\[7\] has the class .*: give a whole number"):
        label_of(value, "train[7]")


def test_names_are_given_or_known_or_found():
    numbers, names = {"a": 1, "b": 0}, {"a": "bee", "b": "ant"}
    known = Listed([])
    known.classes = ["zero", "one"]  # type: ignore[attr-defined]
    assert known_classes(None, Listed([]), numbers) == ("0", "1")
    assert known_classes(None, Listed([]), names) == ("ant", "bee")
    assert known_classes(["bee", "ant"], known, names) == ("bee", "ant")
    assert known_classes(None, Subset(Subset(known, [0]), [0]), numbers) == ("zero", "one")
    assert numbers_of(names, ("bee", "ant")) == [0, 1]


@pytest.mark.parametrize(
    ("given", "labels", "message"),
    [
        (None, {"a": 0, "b": "ant"}, "numbers and names"),
        (None, {"a": 0, "b": 2}, r"class '1' \(1\) has no image in train"),
        (None, {"a": 0}, r"the classes are \['0'\]: give at least two"),
        (None, {}, "no image of train can be read"),
        (["x", "y"], {"a": 0, "b": 2}, "b has the class 2, but the 2 classes"),
        (["ant", "bee"], {"a": "ant", "b": "bea"}, "b has the class 'bea', but the 2 classes"),
        (["x", "x"], {"a": 0, "b": 1}, "are not names that differ"),
        ([0, 1], {"a": 0, "b": 1}, "are not names that differ"),
    ],
)
def test_classes_that_cannot_be_are_refused(given, labels, message):
    with pytest.raises(ConfigError, match=message):
        known_classes(given, Listed([]), labels)
