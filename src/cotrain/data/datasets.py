"""The named data sets: where their images come from, their size, mean and standard deviation."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cotrain.basics.errors import ConfigError
from cotrain.basics.output import check_outside
from cotrain.config import Data
from cotrain.config.datasets import DATASETS
from cotrain.data.folders import folder_source
from cotrain.data.hub import hub_source
from cotrain.data.settings import is_folder
from cotrain.data.shards import shards_source
from cotrain.data.sources import Source
from cotrain.data.tables import table_source

# What finds images with classes that are named, of which some may be known.
STORED: Mapping[str, Callable[..., Source]] = {
    "csv": table_source,
    "hf": hub_source,
    "webdataset": shards_source,
}
_DIGITS = tuple(str(digit) for digit in range(10))


def open_source(data: Data) -> Source:
    """Find the data set that ``data`` names, resolved; files are listed but not decoded.

    Raises:
        ConfigError: It is not there, or it cannot be downloaded.
    """
    if data.dataset == "digits":
        return _digits()
    if data.dataset == "given":
        raise ConfigError(
            "data.dataset=given are images that a program gave: give them again with "
            "fit(..., data=...), or others with --data.dataset and --data.root"
        )
    if data.dataset in STORED:
        return STORED[data.dataset](data)
    if not is_folder(data.dataset):
        return _torchvision(data)
    return _imagenet(data) if data.dataset == "imagenet" else folder_source(data.root, data.layout)


def check_outside_images(folder: Path, data: Data) -> None:
    """Raise ConfigError where what is written into ``folder`` would be taken for images.

    Tables and torchvision's data sets name their files, beside which anything may stand.
    """
    if data.root is not None and is_folder(data.dataset):
        check_outside(folder, data.root)


def _digits() -> Source:
    """1,797 grey images of 8 x 8 pixels inside scikit-learn; pixels of 0..16 become 0..255."""
    from sklearn.datasets import load_digits

    pixels, targets = load_digits(return_X_y=True)
    facts = DATASETS["digits"]
    return Source(
        images=np.round(np.asarray(pixels).reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8),
        targets=torch.as_tensor(targets).long(),
        classes=_DIGITS,
        parts={"all": torch.arange(len(targets))},
        in_channels=1,
        image_size=facts.image_size,
        mean=facts.mean,
        std=facts.std,
    )


def _torchvision(data: Data) -> Source:
    """Training and test images of a torchvision data set; of SVHN without its extra images.

    CIFAR comes pickled: torchvision unpickles nothing but files with the known checksums.
    """
    splits = [_open_torchvision(data, part) for part in ("train", "test")]
    images = [np.asarray(split.data) for split in splits]
    if data.dataset == "svhn":
        images = [each.transpose(0, 2, 3, 1) for each in images]
    labels = "labels" if data.dataset == "svhn" else "targets"
    targets = [torch.as_tensor(getattr(split, labels)).long() for split in splits]
    train, total = len(targets[0]), len(targets[0]) + len(targets[1])
    facts = DATASETS[data.dataset]
    return Source(
        images=np.concatenate(images),
        targets=torch.cat(targets),
        classes=tuple(getattr(splits[0], "classes", _DIGITS)),
        parts={"train": torch.arange(train), "test": torch.arange(train, total)},
        in_channels=len(facts.mean),
        image_size=facts.image_size,
        mean=facts.mean,
        std=facts.std,
    )


def _open_torchvision(data: Data, part: str) -> Any:
    from torchvision import datasets

    if data.root is None:
        raise ConfigError(f"data.root is not set: give the folder of {data.dataset}")
    which = {"split": part} if data.dataset == "svhn" else {"train": part == "train"}
    open_split = getattr(datasets, str(DATASETS[data.dataset].torchvision))
    try:
        return open_split(root=data.root, download=data.download, **which)
    except (RuntimeError, OSError) as error:
        problem = f"data.root={data.root!r} does not hold {data.dataset}"
        if data.download:
            raise ConfigError(
                f"{problem} and it could not be downloaded ({error}): "
                "check the connection, or copy the files there"
            ) from error
        raise ConfigError(
            f"{problem}: give the folder that does, or --data.download true"
        ) from error


def _imagenet(data: Data) -> Source:
    """``root/train`` and ``root/val``; the validation images, whose labels are public, test."""
    source, facts = folder_source(data.root, "parts"), DATASETS["imagenet"]
    if set(source.parts) != {"train", "val"}:
        raise ConfigError(
            f"data.root={data.root!r} is not ImageNet, which is train/ and val/: "
            "use --data.dataset imagefolder for other folders"
        )
    return replace(
        source,
        parts={"train": source.parts["train"], "test": source.parts["val"]},
        image_size=facts.image_size,
        mean=facts.mean,
        std=facts.std,
    )
