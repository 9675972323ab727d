"""BatchNorm's statistics of networks that inherit are those of their own channels."""

import pytest
import torch
from fine_tuned import fine_tuned, states, write_weights
from timm.layers import BatchNormAct2d  # pyright: ignore[reportPrivateImportUsage]
from torch import nn
from training_runs import tiny

from cotrain.ensemble.divide import divide
from cotrain.ensemble.ensemble import Ensemble
from cotrain.networks import spec_for_images
from cotrain.training import CoTraining, fit
from cotrain.training.batch_norm import keeps_wrong_statistics, synchronise
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


def foreign(name: str) -> Ensemble:
    spec = spec_for_images(name, num_classes=3, in_channels=3, image_size=32)
    return divide(spec, 1, seed=0).eval()


def test_synchronised_networks_have_the_same_tensors_and_answers():
    """Also where timm's layers are BatchNorm and activation in one."""
    ensemble = foreign("timm:mobilenetv3_small_050")
    images = torch.rand(2, 3, 32, 32)
    before, answer = ensemble.state_dict(keep_vars=True), ensemble(images)
    assert any(isinstance(layer, BatchNormAct2d) for layer in ensemble.modules())
    synchronise(ensemble)
    norms = [
        layer for layer in ensemble.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)
    ]
    assert norms
    assert all(isinstance(layer, nn.SyncBatchNorm) for layer in norms)
    after = ensemble.state_dict(keep_vars=True)
    assert list(after) == list(before)
    assert all(after[name] is before[name] for name in before)
    torch.testing.assert_close(ensemble(images), answer)


def test_what_cannot_be_synchronised_is_said(capsys, tmp_path):
    synchronise(foreign("timm:convnext_atto"))
    assert "there is no BatchNorm, so nothing to synchronise" in capsys.readouterr().out
    fit(tiny(epochs=1, hardware={"sync_batch_norm": True}), tmp_path / "run", progress=False)
    assert "one process has the whole batch, so there is nothing" in capsys.readouterr().out
