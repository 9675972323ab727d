"""The named data sets: where their images come from, their size, mean and standard deviation."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from cotrain.config import Data
from cotrain.data.folders import folder_source
from cotrain.data.sources import Source
from cotrain.errors import ConfigError

_TORCHVISION = {
    "cifar10": "CIFAR10",
    "cifar100": "CIFAR100",
    "svhn": "SVHN",
    "fashion_mnist": "FashionMNIST",
}

# Mean and standard deviation of pixels in [0, 1]. CIFAR, SVHN (with its extra images) and ImageNet:
# the recipes of arXiv:2011.14660. Fashion-MNIST: its training images. Digits: all 1,797, computed
# by tests/data/test_datasets.py.
STATISTICS = {
    "digits": ((0.3053,), (0.3759,)),
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    "cifar100": ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
    "svhn": ((0.4309, 0.4302, 0.4463), (0.1965, 0.1983, 0.1994)),
    "fashion_mnist": ((0.2860,), (0.3530,)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
IMAGENET_MEAN, IMAGENET_STD = STATISTICS["imagenet"]
_IMAGENET_SIZE = 224
_DIGITS = tuple(str(digit) for digit in range(10))


def open_source(data: Data) -> Source:
    """Find the data set that ``data`` names; files are listed but not decoded.

    Raises:
        ConfigError: It is not there, or it cannot be downloaded.
    """
    if data.dataset == "digits":
        return _digits()
    if data.dataset in _TORCHVISION:
        return _torchvision(data)
    if data.download:
        raise ConfigError(
            f"data.download=True, but {data.dataset} cannot be downloaded: "
            "give its folder with --data.root and --data.download false"
        )
    return _imagenet(data) if data.dataset == "imagenet" else folder_source(data.root)


def _digits() -> Source:
    """1,797 grey images of 8 x 8 pixels inside scikit-learn; pixels of 0..16 become 0..255."""
    from sklearn.datasets import load_digits

    pixels, targets = load_digits(return_X_y=True)
    mean, std = STATISTICS["digits"]
    return Source(
        images=np.round(np.asarray(pixels).reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8),
        targets=torch.as_tensor(targets).long(),
        classes=_DIGITS,
        parts={"all": torch.arange(len(targets))},
        in_channels=1,
        image_size=8,
        mean=mean,
        std=std,
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
    mean, std = STATISTICS[data.dataset]
    return Source(
        images=np.concatenate(images),
        targets=torch.cat(targets),
        classes=tuple(getattr(splits[0], "classes", _DIGITS)),
        parts={"train": torch.arange(train), "test": torch.arange(train, total)},
        in_channels=len(mean),
        image_size=images[0].shape[1],
        mean=mean,
        std=std,
    )


def _open_torchvision(data: Data, part: str) -> Any:
    from torchvision import datasets

    if data.root is None:
        raise ConfigError(f"data.root is not set: give the folder of {data.dataset}")
    which = {"split": part} if data.dataset == "svhn" else {"train": part == "train"}
    open_split = getattr(datasets, _TORCHVISION[data.dataset])
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
    source = folder_source(data.root)
    if set(source.parts) != {"train", "val"}:
        raise ConfigError(
            f"data.root={data.root!r} is not ImageNet, which is train/ and val/: "
            "use --data.dataset imagefolder for other folders"
        )
    return replace(
        source,
        parts={"train": source.parts["train"], "test": source.parts["val"]},
        image_size=_IMAGENET_SIZE,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )
