"""The training, validation and test images of an experiment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.config import Data
from cotrain.config.datasets import DATASETS, PHOTO_MARGIN
from cotrain.data.datasets import open_source
from cotrain.data.images import FileImages, Images, TensorImages
from cotrain.data.partition import Partition, partition
from cotrain.data.reading import (
    common_size,
    decode_arrays,
    decode_files,
    pixel_statistics,
    report_unreadable,
    unreadable_files,
)
from cotrain.data.sources import Source
from cotrain.ensemble.preprocessing import Preprocessing


@dataclass(frozen=True, kw_only=True, eq=False)
class Splits:
    """The images of an experiment.

    Args:
        train: Images trained on.
        val: Images that select the checkpoint; None if nothing is selected.
        test: Images tested on, once; None if there are none.
        classes: Names of the classes.
        preprocessing: What an image goes through; shipped with the ensemble.
        unreadable: Files that were skipped because they cannot be decoded.
        tested_on: ``val`` if the test images are the ones that selected, else ``test``.
    """

    train: Images
    val: Images | None
    test: Images | None
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    unreadable: tuple[str, ...]
    tested_on: Literal["test", "val"]


Select = Callable[[Tensor], Images]  # the images at some indices of the source


def load_splits(data: Data, *, keep_files: bool = False) -> Splits:
    """Find, split and decode the images that ``data`` describes.

    The last result is kept: several runs on one data set in one process decode it once.

    Args:
        data: Which images.
        keep_files: Leave image files on disk, to be decoded at full size in every epoch, rather
            than keep them in memory at the network's size.

    Raises:
        ConfigError: Images are missing, too few, unreadable or of different sizes.
    """
    mean, std = (None if values is None else tuple(values) for values in (data.mean, data.std))
    return _load_splits(replace(data, mean=mean, std=std), keep_files)


@lru_cache(maxsize=1)
def _load_splits(data: Data, keep_files: bool) -> Splits:
    source = open_source(data)
    keep_files = keep_files and isinstance(source.images, list)
    parts = partition(source, data)
    chosen = torch.cat([part for part in (parts.train, parts.val, parts.test) if part is not None])
    chosen = chosen.unique()  # sorted
    frame = _frame(source, data, chosen, keep_files)
    load = _leave_on_disk if keep_files else _keep_in_memory
    select, unreadable = load(source, data, chosen, frame)
    report_unreadable(
        {str(source.images[i]): why for i, why in unreadable.items()}, data.unreadable
    )
    parts = _readable(parts, source, unreadable)
    train = select(parts.train)
    return Splits(
        train=train,
        val=None if parts.val is None else select(parts.val),
        test=None if parts.test is None else select(parts.test),
        classes=source.classes,
        preprocessing=_with_statistics(frame, source, data, train),
        unreadable=tuple(str(source.images[i]) for i in unreadable),
        tested_on=parts.tested_on,
    )


def _frame(source: Source, data: Data, chosen: Tensor, keep_files: bool) -> Preprocessing:
    """Size and channels, which decoding needs; mean and standard deviation come after it."""
    channels = data.in_channels or source.in_channels
    size = data.image_size or source.image_size
    return Preprocessing(
        image_size=size or common_size([str(source.images[i]) for i in chosen.tolist()]),
        in_channels=channels,
        mean=(0.0,) * channels,
        std=(1.0,) * channels,
        margin=PHOTO_MARGIN if keep_files else 1.0,
    )


def _keep_in_memory(
    source: Source, data: Data, chosen: Tensor, frame: Preprocessing
) -> tuple[Select, Mapping[int, str]]:
    """Decode the chosen images; index and reason of those that cannot be, too."""
    if isinstance(source.images, list):
        tensor, failed = decode_files([source.images[i] for i in chosen.tolist()], frame)
    else:
        tensor, failed = decode_arrays(source.images[chosen.numpy()], frame), {}

    def select(indices: Tensor) -> Images:
        places = torch.searchsorted(chosen, indices)
        return TensorImages(tensor=tensor[places], targets=source.targets[indices])

    return select, {int(chosen[place]): why for place, why in failed.items()}


def _leave_on_disk(
    source: Source, data: Data, chosen: Tensor, frame: Preprocessing
) -> tuple[Select, Mapping[int, str]]:
    """Decode the chosen files only to find those that cannot be, if ``data.scan`` says so."""

    def paths(indices: Tensor) -> list[str]:
        return [str(source.images[i]) for i in indices.tolist()]

    def select(indices: Tensor) -> Images:
        targets = source.targets[indices]
        return FileImages(paths=paths(indices), targets=targets, preprocessing=frame)

    failed = unreadable_files(paths(chosen), frame.in_channels) if data.scan else {}
    return select, {int(chosen[place]): why for place, why in failed.items()}


def _readable(parts: Partition, source: Source, unreadable: Mapping[int, str]) -> Partition:
    """The parts without the unreadable images."""
    bad = torch.tensor(list(unreadable), dtype=torch.int64)

    def rest(part: Tensor | None) -> Tensor | None:
        return None if part is None else part[~torch.isin(part, bad)]

    train = parts.train[~torch.isin(parts.train, bad)]
    left = source.targets[train].bincount(minlength=len(source.classes))
    if not left.all():
        empty = source.classes[int(left.argmin())]
        raise ConfigError(
            f"data.unreadable=skip leaves class {empty!r} no image to train on: replace its files"
        )
    return replace(parts, train=train, val=rest(parts.val), test=rest(parts.test))


def _with_statistics(
    frame: Preprocessing, source: Source, data: Data, train: Images
) -> Preprocessing:
    """Mean and deviation as given; else the data set's; else those of the training images."""
    mean, std = source.mean, source.std
    if mean is None or std is None or frame.in_channels != source.in_channels:
        photos = DATASETS["imagenet"]
        in_memory = isinstance(train, TensorImages)
        mean, std = pixel_statistics(train.tensor) if in_memory else (photos.mean, photos.std)
    return replace(frame, mean=tuple(data.mean or mean), std=tuple(data.std or std))


def held_out(splits: Splits) -> Images:
    """The images to measure accuracy on: validation images, else those of the test.

    Raises:
        ConfigError: There are neither.
    """
    images = splits.test if splits.val is None else splits.val
    if images is None:
        raise ConfigError(
            "the data have no validation and no test images to measure the accuracy on: "
            "give data.test a share such as 0.2"
        )
    return images
