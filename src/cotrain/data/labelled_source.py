"""A data set whose images are stored with the names of their classes, and perhaps in parts."""

from collections.abc import Mapping, Sequence

import torch

from cotrain.basics.errors import ConfigError
from cotrain.config import Data
from cotrain.data.sources import Source
from cotrain.data.stored import Stored


def labelled_source(
    images: Stored,
    labels: Sequence[str],
    parts: Mapping[str, Sequence[int]],
    data: Data,
    *,
    classes: Sequence[str] | None,
    order: Sequence[str] | None = None,
    left_out: Mapping[str, int],
    notes: Sequence[str],
) -> Source:
    """The images with their classes; nothing is decoded.

    Args:
        images: N images.
        labels: The name of each one's class.
        parts: The images of train, val and test, as far as there are such; all are to be split
            where there is train alone.
        data: Where they lie.
        classes: The classes that are known, of which the images may lack some; if None they are
            those that are trained on.
        order: Names of classes in the order of their numbers; None for that of their names, or of
            their numbers where all are whole numbers.
        left_out: How many images were passed over, by reason.
        notes: In words, how the images were found.

    Raises:
        ConfigError: Fewer than two classes, or one that is not known.
    """
    place = f"data.root={data.root!r}"
    if classes is None:
        if parts and "train" not in parts:
            raise ConfigError(
                f"{place} has {' and '.join(parts)} images, but none to train on: call some train"
            )
        trained = {labels[index] for index in parts.get("train", ())}
        if len(trained) < 2:
            raise ConfigError(
                f"{place} has {len(trained)} classes {sorted(trained)} to train on: give two"
            )
        classes = [name for name in order if name in trained] if order else _in_order(trained)
    numbers = {name: number for number, name in enumerate(classes)}
    used = {labels[index] for indices in parts.values() for index in indices}
    if others := sorted(used - numbers.keys()):
        raise ConfigError(
            f"{place} has the classes {others}, but the classes that are trained are "
            f"{list(classes)}: rename them or remove their images"
        )
    found = {part: torch.tensor(indices) for part, indices in parts.items()}
    is_whole = found.keys() == {"train"}
    return Source(
        images=images,
        targets=torch.tensor([numbers.get(label, -1) for label in labels], dtype=torch.int64),
        classes=tuple(classes),
        parts={"all": found["train"]} if is_whole else found,
        in_channels=3,
        titles={**{part: f"its {part} images" for part in found}, "all": "all its images"},
        left_out=left_out,
        notes=tuple(notes),
    )


def _in_order(names: set[str]) -> list[str]:
    are_numbers = all(name.isdecimal() and str(int(name)) == name for name in names)
    return sorted(names, key=int if are_numbers else str)
