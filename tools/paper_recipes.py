"""Write the recipes in ``src/cotrain/config/recipes/paper/``: one for every published result.

``python tools/paper_recipes.py`` writes them; with ``--check`` it writes nothing and fails if a
file differs from what it would write. What was published stands in
``cotrain.config.published``; how it was trained stands here: the recipes of
arXiv:2011.14660 and its authors' training script.
"""

import argparse
import sys
import textwrap
from pathlib import Path
from typing import Any

from cotrain.config.published import PUBLISHED, PublishedResult

FOLDER = Path(__file__).parents[1] / "src/cotrain/config/recipes/paper"
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
# By data set: title, where its files belong, and what its images need.
SMALL_DATA: dict[str, tuple[str, str, dict[str, list[float]], list[float]]] = {
    "cifar10": (
        "CIFAR-10",
        "data/cifar-10-batches-py",
        {"mean": [0.4914, 0.4822, 0.4465], "std": [0.2023, 0.1994, 0.2010]},
        [0.125, 0.2],
    ),
    "cifar100": (
        "CIFAR-100",
        "data/cifar-100-python",
        {"mean": [0.5071, 0.4865, 0.4409], "std": [0.2673, 0.2564, 0.2762]},
        [0.0625, 0.1],
    ),
}
# By network: peak learning rate, weight decay, start of the warm-up, policy, mixup.
PHOTOS = {
    "wide_resnet50_2": (0.1, 1e-4, 0.005, "autoaugment-imagenet", 0.2),
    "wide_resnet50_3": (0.1, 1e-4, 0.005, "autoaugment-imagenet", 0.2),
    "resnext101_64x4d": (0.1, 1e-4, 0.005, "autoaugment-imagenet", 0.2),
    "se_resnext101_64x4d": (0.1, 1e-4, 0.005, "autoaugment-imagenet", 0.2),
    "efficientnetb7": (0.256, 1e-5, 1e-6, "rand-m9-mstd0.5", 0.0),
}
# What is particular to some results: by network and data set, S and the note.
SPECIAL = {
    ("densenet190", "cifar100"): (
        (1, 4),
        "The published checkpoint's name says batch 64; the authors' script says 128.",
    ),
    ("pyramidnet272", "cifar10"): ((1, 4), "The published number is that of a checkpoint."),
    ("efficientnetb7", "imagenet"): (
        (1, 2, 4),
        "The table says batch 256, the published checkpoints' names 128. It is not recorded which "
        "optimizer was used: this one is the authors' default; their script also names "
        "RMSprop with an exponential schedule.",
    ),
    ("se_resnext101_64x4d", "imagenet"): (
        (2,),
        "The table does not say whether it is this network or se_resnext101_64x4d_B.",
    ),
}

COMMENTS = {
    "batch_size": "on all devices together: divide it by their number",
    "data.validation": "a fixed schedule: the last epoch is kept, nothing is selected",
    "data.scan": "1.3 million files that are known to be whole",
    "optimizer.name": "with Nesterov momentum",
    "optimizer.decayed": "all parameters without norm or bias in their names",
    "hardware.channels_last": "memory order only: faster on GPUs",
}
COMMENT_COLUMN = 26
AUTOAUGMENT = "Their AutoAugment rotated one way only; this is torchvision's."


def main() -> None:
    """Write the recipes, or with ``--check`` compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if a file differs")
    if not parser.parse_args().check:
        write(FOLDER)
    elif stale := differing(FOLDER):
        sys.exit(f"run python tools/paper_recipes.py: not as it would write them: {stale}")


def recipes() -> dict[str, str]:
    """The text of every file by its name."""
    return {f"{Path(each.recipe).name}.yaml": text_of(each) for each in PUBLISHED}


def write(folder: Path) -> None:
    """Write every file, and remove those that are no longer written."""
    wanted = recipes()
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.yaml"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


def differing(folder: Path) -> list[str]:
    """Names of the files that are missing, changed or too many."""
    wanted = recipes()
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")}
    return sorted(name for name in {*wanted, *found} if wanted.get(name) != found.get(name))


def text_of(result: PublishedResult) -> str:
    """A recipe: the command, what it is to reproduce and where it differs, the settings."""
    command = f"# cotrain train --config {result.recipe} --output runs/{result.recipe}\n#\n"
    notes = (textwrap.fill(note, 98, break_long_words=False) for note in notes_on(result))
    return command + textwrap.indent("\n".join(notes) + "\n", "# ") + _yaml(settings_of(result))


def notes_on(result: PublishedResult) -> list[str]:
    """The comment at the head of a recipe."""
    if result.dataset == "imagenet":
        title = "ImageNet"
        place = "data/imagenet/train/CLASS/ and data/imagenet/val/CLASS/"
    else:
        title, place, *_ = SMALL_DATA[result.dataset]
        place += "; `--data.download true` fetches them"
    top5 = "" if result.top5 is None else f" (top-5 {result.top5:.2f} %)"
    networks = "the large network" if result.into == 1 else f"the ensemble of {result.into}"
    sizes, special = SPECIAL.get((result.network, result.dataset), ((), ""))
    return [
        f"arXiv:2011.14660, Table {result.table}: {result.value:.2f} % top-1 {result.metric}{top5} "
        f"of {networks} on {title}, {result.epochs} epochs.",
        "The authors ran one epoch more, and kept the epoch that was best on the test set.",
        *([AUTOAUGMENT] if "autoaugment" in settings_of(result)["views"]["policy"] else []),
        f"The files belong in {place}.",
        *([special] if result.into in sizes else []),
    ]


def settings_of(result: PublishedResult) -> dict[str, Any]:
    """The settings by name, one dictionary for each group."""
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
    *_, statistics, erasing_scale = SMALL_DATA[result.dataset]
    return {
        "lr": lr,
        "weight_decay": weight_decay,
        "data": {"root": "data", **statistics},
        "views": {
            "crop": "pad",
            "padding": 4,
            "policy": "autoaugment-cifar10",
            "erasing": 0.5,
            "erasing_scale": erasing_scale,
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


def _yaml(settings: dict[str, Any], group: str = "") -> str:
    lines = ""
    for name, value in settings.items():
        if isinstance(value, dict):
            lines += f"{name}:\n" + textwrap.indent(_yaml(value, f"{name}."), "  ")
            continue
        line = f"{name}: {_scalar(value)}"
        comment = COMMENTS.get(group + name)
        column = COMMENT_COLUMN - (2 if group else 0)
        lines += f"{line:<{column}}# {comment}\n" if comment else f"{line}\n"
    return lines


def _scalar(value: Any) -> str:
    """A value as YAML 1.1 reads it back: no exponents, which need a point to be numbers there."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_scalar, value))}]"
    if isinstance(value, float):
        return f"{value:.1f}" if value == round(value, 1) else f"{value:.6f}".rstrip("0")
    return str(value)


if __name__ == "__main__":
    main()
