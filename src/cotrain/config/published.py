"""The published results that the paper's recipes are to reproduce.

Source: arXiv:2011.14660, Tables II, III and IV; ``cotrain.config.recipes.paper`` makes the recipes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

SIZES = (1, 2, 4)  # S of the columns below


@dataclass(frozen=True, kw_only=True)
class PublishedResult:
    """What the paper reports of one ensemble.

    Args:
        table: Number of its table.
        network: Name of the large network.
        into: S.
        dataset: Trained and tested on.
        epochs: Trained for.
        image_size: Pixels.
        metric: What ``value`` and ``top5`` are.
        value: Top-1, in percent.
        top5: Top-5, in percent; None where it is not reported.
    """

    table: Literal["II", "III", "IV"]
    network: str
    into: int
    dataset: Literal["cifar10", "cifar100", "imagenet"]
    epochs: int
    image_size: int
    metric: Literal["error", "accuracy"]
    value: float
    top5: float | None = None

    @property
    def error(self) -> float:
        """Top-1 error in percent."""
        return self.value if self.metric == "error" else round(100 - self.value, 2)

    @property
    def is_usual(self) -> bool:
        """Whether it was trained for as many epochs as most are on its data set."""
        return self.epochs == (120 if self.dataset == "imagenet" else 300)

    @property
    def recipe(self) -> str:
        """Name of the recipe; it says the epochs where they are not the usual ones."""
        epochs = "" if self.is_usual else f"-{self.epochs}"
        return f"paper/{self.network}-{self.dataset}-s{self.into}{epochs}"


def _small_images(
    table: Literal["II", "III"],
    dataset: Literal["cifar10", "cifar100"],
    epochs: int,
    errors: Mapping[str, tuple[float | None, ...]],
) -> list[PublishedResult]:
    """Rows of top-1 errors, one column for each S."""
    return [
        PublishedResult(
            table=table,
            network=network,
            into=into,
            dataset=dataset,
            epochs=epochs,
            image_size=32,
            metric="error",
            value=error,
        )
        for network, row in errors.items()
        for into, error in zip(SIZES, row, strict=True)
        if error is not None
    ]


def _photos(
    image_size: int, epochs: int, accuracies: Mapping[str, tuple[tuple[float, float] | None, ...]]
) -> list[PublishedResult]:
    """Rows of top-1 and top-5 accuracies, one column for each S."""
    return [
        PublishedResult(
            table="IV",
            network=network,
            into=into,
            dataset="imagenet",
            epochs=epochs,
            image_size=image_size,
            metric="accuracy",
            value=pair[0],
            top5=pair[1],
        )
        for network, row in accuracies.items()
        for into, pair in zip(SIZES, row, strict=True)
        if pair is not None
    ]


_CIFAR100 = {
    "resnet110": (18.96, 18.32, 19.56),
    "resnet164": (18.38, 17.12, 18.05),
    "se_resnet110": (17.91, 17.37, 18.33),
    "se_resnet164": (17.37, 16.31, 17.21),
    "efficientnetb0": (18.50, 18.20, 17.85),
    "efficientnetb3": (18.10, 17.00, 16.62),
    "wide_resnet16_8": (18.69, 17.37, 17.07),
    "resnext29_8x64d": (16.43, 14.99, 14.88),
    "wide_resnet28_10": (15.50, 14.48, 14.26),
    "wide_resnet40_10": (15.56, 14.28, 13.96),
    "densenet190": (14.10, 12.64, 12.56),
    "pyramidnet272": (11.02, 10.75, 10.54),
}
_CIFAR10 = {
    "se_resnet164": (2.98, 2.84, None),
    "resnext29_8x64d": (2.69, 2.12, None),
    "wide_resnet28_10": (2.28, 2.06, 2.01),
    "wide_resnet40_10": (2.33, None, 2.01),
}
_CIFAR10_LONG = {
    "se_resnet164": (2.19, 2.20, None),
    "resnext29_8x64d": (2.23, 1.94, None),
    "wide_resnet28_10": (2.41, 1.81, 1.68),
    "wide_resnet40_10": (2.19, None, 1.62),
    "shake_resnet26_2x96d": (2.00, 1.75, 1.69),
    "pyramidnet272": (1.33, None, 1.29),
}
_IMAGENET_224 = {
    "wide_resnet50_2": ((80.66, 95.16), (79.64, 94.82), None),
    "wide_resnet50_3": ((80.74, 95.40), (81.42, 95.62), None),
    "resnext101_64x4d": ((81.57, 95.73), (82.13, 95.98), None),
}
_IMAGENET_320 = {"efficientnetb7": ((81.83, 95.78), (82.74, 96.30), (82.75, 96.22))}
_IMAGENET_320_LONG = {"se_resnext101_64x4d": (None, (83.60, 96.69), None)}

PUBLISHED = (
    *_small_images("II", "cifar100", 300, _CIFAR100),
    *_small_images("II", "cifar100", 1800, {"wide_resnet40_10": (16.02, 14.09, 13.10)}),
    *_small_images("III", "cifar10", 300, _CIFAR10),
    *_small_images("III", "cifar10", 1800, _CIFAR10_LONG),
    *_photos(224, 120, _IMAGENET_224),
    *_photos(320, 120, _IMAGENET_320),
    *_photos(320, 350, _IMAGENET_320_LONG),
)
