"""BatchNorm's statistics of networks that inherit are those of their own channels."""

import pytest
import torch
from fine_tuned import fine_tuned, states, write_weights
from training_runs import tiny

from cotrain.training import CoTraining, fit
from cotrain.training.batch_norm import keeps_wrong_statistics
from cotrain.training.from_experiment import experiment_ensemble, experiment_images


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> str:
    return write_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def begun(monkeypatch):
    """The networks' state, and that of their average, before the first step."""
    seen = []
    start = CoTraining.on_train_start

    def noting(self):
        seen.append(states(self))
        if self.average is not None:
            seen.append({k: v.clone() for k, v in self.average.ensemble.state_dict().items()})
        start(self)

    monkeypatch.setattr(CoTraining, "on_train_start", noting)
    return seen


@pytest.mark.parametrize("ema", [None, 0.9])
def test_the_first_norm_knows_the_first_layer_on_the_training_views(
    weights, tmp_path, begun, capsys, ema
):
    """By hand: mean and variance of the first convolution's outputs, the mean over the batches."""
    plain = {"crop": "none", "padding": 4, "flip": False}
    experiment = fine_tuned(weights, {}, epochs=1, sized_for=None, views=plain, ema=ema)
    fit(experiment, tmp_path / "run", progress=False)
    assert len(begun) == (1 if ema is None else 2)
    splits = experiment_images(experiment)
    pixels = splits.preprocessing.normalize(splits.train.pixels(range(80)))
    for state in begun:
        for index in range(2):
            name = f"networks.{index}.layer0."
            maps = torch.nn.functional.conv2d(pixels, state[name + "0.weight"], padding=1)
            wanted = maps.mean((0, 2, 3))  # of all batches, which are of one size
            torch.testing.assert_close(state[name + "1.running_mean"], wanted, rtol=1e-4, atol=1e-5)
    said = "cotrain: BatchNorm's statistics are taken anew, from 80 training images\n"
    assert capsys.readouterr().out.count(said) == 1


def test_they_are_not_taken_again_when_a_run_is_resumed(weights, tmp_path, capsys):
    experiment = fine_tuned(weights, {}, epochs=1, sized_for=None)
    fit(experiment, tmp_path / "run", progress=False)
    capsys.readouterr()
    fit(experiment, tmp_path / "run", resume=True, progress=False)
    assert "statistics" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"sized_for": None}, True),  # four channels in place of sixteen
        ({"sized_for": 1}, False),
        ({"into": 1, "sized_for": None}, False),
        ({"into": 1, "sized_for": 4}, True),
    ],
)
def test_networks_of_the_whole_size_keep_theirs(weights, settings, wrong):
    experiment = tiny(pretrained=weights, **settings)
    ensemble = experiment_ensemble(experiment, experiment_images(experiment))
    assert keeps_wrong_statistics(ensemble) is wrong
