"""What the tests of cascades share: an ensemble of linear networks, and a rule for it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from cotrain import Ensemble, divide, networks
from cotrain.ensemble.cascade import Cascade, Stage
from cotrain.ensemble.preprocessing import Preprocessing

GREY = Preprocessing(image_size=8, in_channels=1, mean=(0.5,), std=(0.25,))


def make_cascade(into: int = 3, thresholds: Sequence[float] = (0.6, 0.5), **fields: Any) -> Cascade:
    """One network after the other, the last one first."""
    stages = tuple(
        Stage(networks=place, threshold=threshold, temperature=1.5)
        for place, threshold in enumerate(thresholds, start=1)
    )
    given = {
        "combine": "mean_logits",
        "order": tuple(reversed(range(into))),
        "signal": "probability",
        "stages": stages,
        "images": 100,
        "accuracy": 0.9,
        "share": 0.5,
    }
    return Cascade(**{**given, **fields})


class Counting(nn.Module):
    """A linear network that counts the images that it is asked about."""

    def __init__(self, classes: int, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.layer = nn.Linear(64, classes)
        self.images = 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.images += len(images)
        return self.layer(images.flatten(1))


def counting_ensemble(into: int = 3, cascade: Cascade | None = None, classes: int = 4) -> Ensemble:
    """Networks for grey 8x8 images that count what they do."""
    large = networks.spec("basic_resnet8_4", num_classes=classes, in_channels=1, image_size=8)
    spec = replace(divide(large, into, seed=0).spec, preprocessing=GREY, cascade=cascade)
    return Ensemble([Counting(classes, seed) for seed in range(into)], spec).eval()


def answers_of(
    shape: tuple[int, int, int], right: float, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits [S, N, C] of networks that share a part of what they see, and classes [N]."""
    draw = torch.Generator().manual_seed(seed)
    targets = torch.randint(shape[2], shape[1:2], generator=draw)
    shared = torch.randn(1, *shape[1:], generator=draw)
    logits = shared + torch.randn(*shape, generator=draw)
    logits.scatter_add_(
        2, targets.expand(shape[0], -1)[:, :, None], torch.full((shape[0], shape[1], 1), right)
    )
    return logits, targets
