"""The classes of data sets of a program: whole numbers or names, each understood or refused."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import Subset

from cotrain.basics.errors import ConfigError
from cotrain.basics.text import one_line

ClassLabel = int | str

# A number that is not written whole, as pandas writes those of a column with an empty cell.
FRACTION = re.compile(r"-?\d+\.\d*")


def label_of(value: Any, name: str) -> ClassLabel:
    """A class as it is given: a whole number from 0, or a name.

    Args:
        value: A number of Python, NumPy or a tensor of one; or text.
        name: What errors call the image.

    Raises:
        ConfigError: It is neither.
    """
    plain: Any = value
    if isinstance(value, Tensor | np.generic) and value.ndim == 0:
        plain = value.item()
    is_number = isinstance(plain, int) and not isinstance(plain, bool) and plain >= 0
    if is_number or (isinstance(plain, str) and plain and plain.lower() != "nan"):
        return plain
    raise ConfigError(
        f"{name} has the class {one_line(repr(value))[:60]}, a {type(value).__name__}: give a "
        "whole number from 0, or a name"
    )


def check_numbering(
    datasets: Mapping[str, Any], labels: Mapping[str, ClassLabel], given: Sequence[str] | None
) -> None:
    """Raise ConfigError where a part may mean another class by a number than ``train``.

    torchvision's ``ImageFolder`` numbers the folders that it finds, of which a test may lack some.

    Args:
        datasets: The data set of each part, ``train`` first.
        labels: The class of every image of all parts, by its name.
        given: What the user says that the numbers of all mean.
    """
    if given is not None:
        return
    if len({type(label) for label in labels.values()}) > 1:
        raise ConfigError("the classes are numbers and names: give one kind, or name all: classes=")
    own = {part: _own_classes(dataset) or () for part, dataset in datasets.items()}
    for part, names in own.items():
        for number, (name, trained) in enumerate(zip(names, own["train"], strict=False)):
            if name != trained:
                raise ConfigError(
                    f"{part} calls class {number} {name!r}, and train {trained!r}: number them "
                    "alike, and name them with UserData(classes=...)"
                )


def known_classes(
    given: Sequence[str] | None, dataset: Any, labels: Mapping[str, ClassLabel]
) -> tuple[str, ...]:
    """The names of the classes: as given, else as the data set knows them, else as the labels say.

    Args:
        given: What the user says.
        dataset: The training data set, of which ``classes`` are taken if they are names.
        labels: The class of every training image, by its name.

    Raises:
        ConfigError: Names and numbers stand side by side, names are given twice, or a class is
            unknown or has no image to train on.
    """
    kinds = {type(label) for label in labels.values()}
    if len(kinds) > 1:
        raise ConfigError("the classes of train are numbers and names: give one kind")
    found: list[Any] = sorted(set(labels.values()))  # type: ignore[type-var]
    if not found:
        raise ConfigError("no image of train can be read: mend the data set")
    if given is None:
        given = _own_classes(dataset)
    if given is None:
        given = [str(each) for each in (range(found[-1] + 1) if kinds == {int} else found)]
    classes = tuple(given)
    are_names = all(isinstance(each, str) and each for each in classes)
    if not are_names or len({*classes}) < len(classes):
        raise ConfigError(f"classes={list(classes)} are not names that differ: give one a class")
    if len(classes) < 2:
        raise ConfigError(f"the classes are {list(classes)}: give at least two")
    numbers = numbers_of(labels, classes)
    empty = sorted(set(range(len(classes))) - set(numbers))
    if empty:
        raise ConfigError(
            f"class {classes[empty[0]]!r} ({empty[0]}) has no image in train: give it images, or "
            "leave the class out and number the others without a gap"
        )
    return classes


def numbers_of(labels: Mapping[str, ClassLabel], classes: Sequence[str]) -> list[int]:
    """The number of the class of every image, in order.

    Raises:
        ConfigError: One is not among the classes.
    """
    known = {name: number for number, name in enumerate(classes)}
    numbers = [known.get(each, -1) if isinstance(each, str) else each for each in labels.values()]
    for name, number in zip(labels, numbers, strict=True):
        if not 0 <= number < len(classes):
            raise ConfigError(
                f"{name} has the class {labels[name]!r}, but the {len(classes)} classes that are "
                f"trained are {one_line(list(classes))[:80]}: number them from 0, or name them "
                "with classes="
            )
    return numbers


def _own_classes(dataset: Any) -> Sequence[str] | None:
    """``classes`` as torchvision's data sets have them; also of a part of one."""
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    found = getattr(dataset, "classes", None)
    is_names = isinstance(found, list | tuple) and all(isinstance(each, str) for each in found)
    return found if is_names and found else None
