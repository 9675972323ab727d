"""What the tests of fine-tuning share: runs of seconds from trained weights."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from training_runs import TINY, tiny

from cotrain.config import Experiment
from cotrain.networks import build
from cotrain.networks.registry import named_spec
from cotrain.training import CoTraining, fit


class KilledError(Exception):
    """Ends a run where it is."""


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


def killed_and_resumed(
    monkeypatch: pytest.MonkeyPatch, experiment: Experiment, output: Path, epoch: int, step: int
) -> None:
    """A run that dies before a step, and goes on from its newest checkpoint."""
    whole = CoTraining.training_step

    def dying(self: CoTraining, batch: Any, batch_idx: int) -> Any:
        if (self.current_epoch, batch_idx) == (epoch, step):
            raise KilledError
        return whole(self, batch, batch_idx)

    monkeypatch.setattr(CoTraining, "training_step", dying)
    with pytest.raises(KilledError):
        fit(experiment, output, progress=False)
    monkeypatch.setattr(CoTraining, "training_step", whole)
    fit(experiment, output, resume=True, progress=False)
