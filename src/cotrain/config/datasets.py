"""The facts of the named data sets: classes, size, mean and standard deviation, network layout."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Dataset = Literal[
    "auto",
    "digits",
    "cifar10",
    "cifar100",
    "svhn",
    "fashion_mnist",
    "imagenet",
    "imagefolder",
    "csv",
    "hf",
    "webdataset",
    "given",
]
Layout = Literal["cifar", "imagenet"]

# The ImageNet recipes of arXiv:2011.14660 resize 224 to 257 for the test.
PHOTO_MARGIN = 1.15


@dataclass(frozen=True, kw_only=True)
class DatasetFacts:
    """What is known of a data set before its images are read.

    Args:
        title: Its name in a sentence.
        num_classes: C.
        image_size: Height and width in pixels of the images as networks take them.
        mean: Mean of each channel, of pixels in [0, 1].
        std: Standard deviation of each channel, of pixels in [0, 1].
        layout: The stem and stages that published networks have for it; None if none are published.
        torchvision: Class of ``torchvision.datasets`` that reads it; None if there is none.
        margin: Size to which photos are resized before the central crop, in image sizes.
    """

    title: str
    num_classes: int
    image_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    layout: Layout | None = None
    torchvision: str | None = None
    margin: float = 1.0


# Mean and standard deviation of CIFAR, SVHN (with its extra images) and ImageNet: the recipes of
# arXiv:2011.14660. Fashion-MNIST: its training images. Digits: all 1,797, computed by
# tests/data/test_datasets.py.
DATASETS: Mapping[str, DatasetFacts] = {
    "digits": DatasetFacts(
        title="digits", num_classes=10, image_size=8, mean=(0.3053,), std=(0.3759,)
    ),
    "cifar10": DatasetFacts(
        title="CIFAR-10",
        num_classes=10,
        image_size=32,
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2023, 0.1994, 0.2010),
        layout="cifar",
        torchvision="CIFAR10",
    ),
    "cifar100": DatasetFacts(
        title="CIFAR-100",
        num_classes=100,
        image_size=32,
        mean=(0.5071, 0.4865, 0.4409),
        std=(0.2673, 0.2564, 0.2762),
        layout="cifar",
        torchvision="CIFAR100",
    ),
    "svhn": DatasetFacts(
        title="SVHN",
        num_classes=10,
        image_size=32,
        mean=(0.4309, 0.4302, 0.4463),
        std=(0.1965, 0.1983, 0.1994),
        layout="cifar",
        torchvision="SVHN",
    ),
    "fashion_mnist": DatasetFacts(
        title="Fashion-MNIST",
        num_classes=10,
        image_size=28,
        mean=(0.2860,),
        std=(0.3530,),
        torchvision="FashionMNIST",
    ),
    "imagenet": DatasetFacts(
        title="ImageNet",
        num_classes=1000,
        image_size=224,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        layout="imagenet",
        margin=PHOTO_MARGIN,
    ),
}
