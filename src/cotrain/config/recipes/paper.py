"""The paper's recipes: one for every published result, written when it is asked for.

What was published stands in ``cotrain.config.published``, how it was trained in
``cotrain.config.recipes.paper_settings``; here it becomes the YAML that a user can read and edit.
"""

import textwrap
from collections.abc import Mapping
from typing import Any, cast

from cotrain.config.datasets import DATASETS
from cotrain.config.published import PUBLISHED, PublishedResult
from cotrain.config.recipes.paper_settings import settings_of

PAPER_RECIPES: Mapping[str, PublishedResult] = {each.recipe: each for each in PUBLISHED}

PLACES = {
    "cifar10": "data/cifar-10-batches-py; `--data.download true` fetches them",
    "cifar100": "data/cifar-100-python; `--data.download true` fetches them",
    "imagenet": "data/imagenet/train/CLASS/ and data/imagenet/val/CLASS/",
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
AUTOAUGMENT = "Their AutoAugment rotated one way only; this is torchvision's."
# Beside the settings, by dotted name.
COMMENTS = {
    "batch_size": "on all devices together: divide it by their number",
    "data.validation": "a fixed schedule: the last epoch is kept, nothing is selected",
    "data.scan": "1.3 million files that are known to be whole",
    "optimizer.name": "with Nesterov momentum",
    "optimizer.decayed": "all parameters without norm or bias in their names",
    "hardware.channels_last": "memory order only: faster on GPUs",
}
COMMENT_COLUMN = 26


def text_of(result: PublishedResult) -> str:
    """A recipe: the command, what it is to reproduce and where it differs, the settings."""
    command = f"# cotrain train --config {result.recipe} --output runs/{result.recipe}\n#\n"
    settings = settings_of(result)
    notes = _notes(result, policy=settings["views"]["policy"])
    lines = (textwrap.fill(note, 98, break_long_words=False) for note in notes)
    return command + textwrap.indent("\n".join(lines) + "\n", "# ") + _yaml(settings)


def _notes(result: PublishedResult, policy: str) -> list[str]:
    """The comment at the head of a recipe."""
    top5 = "" if result.top5 is None else f" (top-5 {result.top5:.2f} %)"
    networks = "the large network" if result.into == 1 else f"the ensemble of {result.into}"
    sizes, special = SPECIAL.get((result.network, result.dataset), ((), ""))
    return [
        f"arXiv:2011.14660, Table {result.table}: {result.value:.2f} % top-1 {result.metric}{top5} "
        f"of {networks} on {DATASETS[result.dataset].title}, {result.epochs} epochs.",
        "The authors ran one epoch more, and kept the epoch that was best on the test set.",
        *([AUTOAUGMENT] if "autoaugment" in policy else []),
        f"The files belong in {PLACES[result.dataset]}.",
        *([special] if result.into in sizes else []),
    ]


def _yaml(settings: dict[str, Any], group: str = "") -> str:
    lines = ""
    for name, value in settings.items():
        if isinstance(value, dict):
            below = _yaml(cast(dict[str, Any], value), f"{name}.")
            lines += f"{name}:\n" + textwrap.indent(below, "  ")
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
        return f"[{', '.join(map(_scalar, cast(list[Any], value)))}]"
    if isinstance(value, float):
        return f"{value:.1f}" if value == round(value, 1) else f"{value:.6f}".rstrip("0")
    return str(value)
