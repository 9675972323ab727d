"""What is shown before training is what the first step trains on."""

import pytest
import torch
from training_runs import tiny

from cotrain.basics.errors import ConfigError
from cotrain.training import CoTraining, fit
from cotrain.training.first_views import first_views
from cotrain.training.from_experiment import experiment_images


@pytest.mark.parametrize(
    "views",
    [
        {"padding": 2, "flip": True, "erasing": 0.5},
        {"crop": "none", "padding": 4, "mixup": 0.3},
        {"same_view": True},
    ],
)
def test_they_are_those_of_the_first_step(tmp_path, monkeypatch, views):
    experiment = tiny(epochs=1, views=views, seed=3)
    splits = experiment_images(experiment)
    found = first_views(experiment, splits, 5)
    batches = []
    step = CoTraining.training_step

    def noted(self, batch, batch_idx):
        batches.append(batch)
        return step(self, batch, batch_idx)

    monkeypatch.setattr(CoTraining, "training_step", noted)
    fit(experiment, tmp_path / "run", progress=False)
    trained = splits.preprocessing.pixels_of(batches[0].images[:, :5])
    assert torch.equal(found.views, trained)
    assert found.views.shape == (2, 5, 1, 8, 8)
    pool = {tuple(image.flatten().tolist()) for image in splits.train.pixels(range(80))}
    assert {tuple(image.flatten().tolist()) for image in found.originals} <= pool


def test_without_augmentation_the_views_are_the_originals():
    experiment = tiny(views={"crop": "none", "padding": 4, "flip": False})
    found = first_views(experiment, experiment_images(experiment), 100)
    assert found.originals.shape == (16, 1, 8, 8)
    assert torch.equal(found.views, found.originals.expand(2, -1, -1, -1, -1))


def test_a_batch_that_is_too_large_is_refused():
    experiment = tiny(batch_size=81)
    with pytest.raises(ConfigError, match="batch_size=81 on 1 processes is more than the 80"):
        first_views(experiment, experiment_images(experiment), 4)
