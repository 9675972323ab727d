"""How the paper's results were trained: the recipes of arXiv:2011.14660 and its authors' script."""

from typing import Any

from cotrain.config.datasets import DATASETS
from cotrain.config.published import PublishedResult

LONG = 1800  # epochs
NO_WARMUP = -1

# By network: weight decay; peak learning rate and warm-up epochs of 300 and of 1800 epochs.
SMALL_IMAGES = {
    "resnet110": (1e-4, (0.1, 20), (0.1, 60)),
    "resnet164": (1e-4, (0.1, 20), (0.1, 60)),
    "se_resnet110": (1e-4, (0.1, 20), (0.1, 60)),
    "se_resnet164": (1e-4, (0.1, 30), (0.1, 60)),
    "efficientnetb0": (1e-4, (0.1, 20), (0.1, 60)),
    "efficientnetb3": (5e-4, (0.1, 20), (0.1, 60)),
    "wide_resnet16_8": (1e-4, (0.1, 20), (0.1, 60)),
    "wide_resnet28_10": (5e-4, (0.1, 20), (0.1, 60)),
    "wide_resnet40_10": (5e-4, (0.1, 20), (0.1, 60)),
    "resnext29_8x64d": (5e-4, (0.1, 20), (0.1, 60)),
    "densenet190": (1e-4, (0.1, 20), (0.1, NO_WARMUP)),
    "pyramidnet272": (1e-4, (0.1, 20), (0.1, NO_WARMUP)),
    "shake_resnet26_2x96d": (1e-4, (0.1, 20), (0.2, NO_WARMUP)),
}
# Share of a small image that random erasing takes away, smallest and largest.
ERASED = {"cifar10": [0.125, 0.2], "cifar100": [0.0625, 0.1]}
# By network: peak learning rate, weight decay, start of the warm-up, policy, mixup.
PHOTOS = {
    "wide_resnet50_2": (0.1, 1e-4, 0.005, "autoaugment-imagenet", 0.2),
    "wide_resnet50_3": (0.1, 1e-4, 0.005, "autoaugment-imagenet", 0.2),
    "resnext101_64x4d": (0.1, 1e-4, 0.005, "autoaugment-imagenet", 0.2),
    "se_resnext101_64x4d": (0.1, 1e-4, 0.005, "autoaugment-imagenet", 0.2),
    "efficientnetb7": (0.256, 1e-5, 1e-6, "rand-m9-mstd0.5", 0.0),
}


def settings_of(result: PublishedResult) -> dict[str, Any]:
    """The settings that a result was trained with, by name, one dictionary for each group."""
    photos = result.dataset == "imagenet"
    special = _photos(result) if photos else _small_images(result)
    return {
        "network": result.network,
        "into": result.into,
        "epochs": result.epochs,
        "batch_size": 256 if photos else 128,
        "data": {"dataset": result.dataset, **special["data"], "validation": "none", "workers": 8},
        "views": {**special["views"], "flip": True},
        "optimizer": {
            "name": "sgd",
            "lr": special["lr"],
            "momentum": 0.9,
            "weight_decay": special["weight_decay"],
            "divide_weight_decay": divides_weight_decay(result),
            "decayed": "paper",
        },
        "schedule": {"name": "cosine", **special["schedule"]},
        "co_training": {"divergence": "js", "weight": 0.5, **special["co_training"]},
        "hardware": {"precision": "16-mixed", "channels_last": True},
    }


def divides_weight_decay(result: PublishedResult) -> bool:
    """Whether weight decay is divided (Eq. 6), as the tables' captions say."""
    if result.table == "II":
        return result.epochs == LONG
    return result.table == "III" or result.network.startswith("wide_resnet")


def _small_images(result: PublishedResult) -> dict[str, Any]:
    weight_decay, usual, long = SMALL_IMAGES[result.network]
    lr, warmup_epochs = long if result.epochs == LONG else usual
    facts = DATASETS[result.dataset]
    return {
        "lr": lr,
        "weight_decay": weight_decay,
        "data": {"root": "data", "mean": list(facts.mean), "std": list(facts.std)},
        "views": {
            "crop": "pad",
            "padding": 4,
            "policy": "autoaugment-cifar10",
            "erasing": 0.5,
            "erasing_scale": ERASED[result.dataset],
            "erasing_ratio": [0.99, 1.0],
            "mixup": 0.2,
        },
        "schedule": {"warmup_epochs": warmup_epochs, "warmup_lr": 0.005, "end_lr": 1e-4},
        "co_training": {"ramp_epochs": 80 if result.epochs == LONG else 40, "label_smoothing": 0.0},
    }


def _photos(result: PublishedResult) -> dict[str, Any]:
    lr, weight_decay, warmup_lr, policy, mixup = PHOTOS[result.network]
    return {
        "lr": lr,
        "weight_decay": weight_decay,
        "data": {"root": "data/imagenet", "image_size": result.image_size, "scan": False},
        "views": {
            "crop": "resized",
            "scale": [0.1, 1.0],
            "policy": policy,
            "erasing": 0.5,
            "erasing_scale": [0.05, 0.12],
            "erasing_ratio": [0.5, 1.5],
            "mixup": mixup,
        },
        "schedule": {"warmup_epochs": 5, "warmup_lr": warmup_lr, "end_lr": 1e-5},
        "co_training": {"ramp_epochs": 60, "label_smoothing": 0.1},
    }
