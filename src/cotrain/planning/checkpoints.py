"""timm's pretrained checkpoints, and what was published of them.

``timm_imagenet.csv`` is timm's own file of results of 2025-10-30; its first lines say where it is
from, and under which licence.
"""

import csv
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_LIST = Path(__file__).with_name("timm_imagenet.csv")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Pretrained weights, tested at one image size.

    Args:
        name: timm's, such as ``convnext_tiny.fb_in1k``.
        image_size: Pixels at which it was tested.
        top1: Accuracy on ImageNet-1k, in percent.
        listed_params: Params in millions, as timm lists them, with 1,000 classes.
        listed_gmacs: Thousand millions of MACs, as timm lists them.
    """

    name: str
    image_size: int
    top1: float
    listed_params: float
    listed_gmacs: float

    @property
    def network(self) -> str:
        """The network's name, as cotrain takes it."""
        return f"timm:{self.name.partition('.')[0]}"

    @property
    def upstream(self) -> str:
        """Who pretrained it on what, without what it was fine-tuned on: ``fb_in22k``.

        Checkpoints with the same upstream may share a start.
        """
        tag = self.name.partition(".")[2].partition("_ft_")[0]
        return re.sub(r"_\d+$", "", tag)


@cache
def published_checkpoints() -> tuple[Checkpoint, ...]:
    """All that are listed, the most accurate first."""
    with open(_LIST, encoding="utf-8", newline="") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        found = [
            Checkpoint(
                name=row["name"],
                image_size=int(row["image_size"]),
                top1=float(row["top1"]),
                listed_params=float(row["params_m"]),
                listed_gmacs=float(row["gmacs"]),
            )
            for row in rows
        ]
    return tuple(sorted(found, key=lambda each: (-each.top1, each.name)))
