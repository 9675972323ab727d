"""What the tests of fine-tuning share: runs of seconds from trained weights."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from training_runs import TINY, tiny

from cotrain.config import Experiment
from cotrain.networks import build
from cotrain.networks.registry import named_spec
from cotrain.training import CoTraining


def write_weights(folder: Path) -> str:
    """A file of weights of the tiny network, as a training might leave them."""
    torch.manual_seed(5)
    network = build(named_spec(TINY.network, num_classes=10, in_channels=1, image_size=8))
    for _ in range(20):  # which moves BatchNorm's statistics from where they begin
        network(torch.rand(32, 1, 8, 8))
    torch.save(network.state_dict(), folder / "trained.pth")
    return str(folder / "trained.pth")


def fine_tuned(file: str, fine_tuning: dict[str, Any], **settings: Any) -> Experiment:
    """Two networks that start from the weights of a file, with heads of their own."""
    each = {"epochs": 3, "sized_for": 1, **settings}
    return tiny(pretrained=file, fine_tuning=fine_tuning, **each)


def states(module: CoTraining) -> dict[str, Tensor]:
    """Weights and buffers of the networks now."""
    return {name: each.clone() for name, each in module.ensemble.state_dict().items()}
