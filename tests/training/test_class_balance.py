"""Training on a folder of 5 ants, 20 bees and 35 cats, all of which train."""

from pathlib import Path
from typing import Any

import pytest
import torch
from image_folders import write_folder
from training_runs import read_metrics, tiny

from cotrain import ConfigError
from cotrain.config import Experiment, Weights
from cotrain.ensemble.losses import CoTrainingLoss
from cotrain.training import CoTraining, fit

COUNTS = {"ant": 5, "bee": 20, "cat": 35}


def experiment(root: Path, **weights: str) -> Experiment:
    data = {"dataset": "imagefolder", "root": str(root), "train_images": None, "test_images": None}
    data |= {"image_size": 8}
    return tiny(data=data, batch_size=10, weights=weights)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for seed, (name, count) in enumerate(COUNTS.items()):
        write_folder(tmp_path / "photos" / "train", count=count, classes=[name], seed=seed)
    return write_folder(tmp_path / "photos" / "test", count=2, classes=list(COUNTS)).parent


def trained(monkeypatch: pytest.MonkeyPatch, folder: Path, settings: Experiment) -> dict[str, Any]:
    """The weights of the classes, and how often each class was drawn in every epoch."""
    found: dict[str, Any] = {"drawn": [torch.zeros(3).long() for _ in range(settings.epochs)]}
    step = CoTraining.training_step

    def noted(self: CoTraining, batch, batch_idx):
        assert isinstance(self.loss, CoTrainingLoss)
        found["weights"] = self.loss.class_weights
        found["drawn"][self.current_epoch] += batch.targets.bincount(minlength=3)
        return step(self, batch, batch_idx)

    monkeypatch.setattr(CoTraining, "training_step", noted)
    fit(settings, folder, progress=False)
    return found


def test_class_weights_reach_the_loss(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, plain = photos.parent / "weighted", photos.parent / "plain"
    found = trained(monkeypatch, run, experiment(photos, classes="balanced"))
    assert found["weights"] == pytest.approx((60 / 15, 60 / 60, 60 / 105))
    assert [each.tolist() for each in found["drawn"]] == [[5, 20, 35]] * 2
    found = trained(monkeypatch, plain, experiment(photos))
    assert found["weights"] is None
    assert read_metrics(run)[0]["train_loss"] != read_metrics(plain)[0]["train_loss"]


def test_as_many_of_every_class_are_drawn(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = experiment(photos, sampler="balanced")
    found = trained(monkeypatch, photos.parent / "drawn", settings)
    assert [each.tolist() for each in found["drawn"]] == [[20, 20, 20]] * 2


def test_both_at_once_are_refused() -> None:
    with pytest.raises(ConfigError, match="would count small classes twice"):
        Experiment(weights=Weights(classes="balanced", sampler="balanced"))
