"""Epochs on cached features: the same training where views are the same, and what they cost."""

import re

import pytest
import torch
from fine_tuned import fine_tuned, write_weights
from torch import nn
from training_runs import KilledError, cut_and_resumed, final_weights, read_metrics, same

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.training import cached_features, fit

PLAIN = {"crop": "none", "padding": 4, "flip": False}


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> str:
    return write_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def backbones(monkeypatch):
    """How many images the networks' first layers have seen in training mode or not."""
    seen = []
    convolve = nn.Conv2d.forward

    def counting(self, images):
        if images.shape[1] == 1:
            seen.append(len(images))
        return convolve(self, images)

    monkeypatch.setattr(nn.Conv2d, "forward", counting)
    return seen


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"ema": 0.9, "data": {"validation": 0.2}},
        {"weights": {"sampler": "balanced"}, "hardware": {"execution": "threads"}},
        {"data": {"validation": 0.2}, "hardware": {"channels_last": True}},
    ],
    ids=["plain", "average", "balanced", "channels last"],
)
def test_where_views_do_not_change_the_cache_changes_nothing(weights, tmp_path, settings):
    for name, views in (("anew", 0), ("cached", 2)):
        tuning = {"frozen_epochs": 3, "cached_views": views, "head_lr_scale": 2}
        experiment = fine_tuned(weights, tuning, epochs=4, views=PLAIN, **settings)
        fit(experiment, tmp_path / name, progress=False)
    anew, cached = (final_weights(tmp_path / name) for name in ("anew", "cached"))
    for name, each in anew.items():
        torch.testing.assert_close(cached[name], each, rtol=1e-4, atol=1e-6)
    for before, after in zip(
        read_metrics(tmp_path / "anew"), read_metrics(tmp_path / "cached"), strict=True
    ):
        assert after == pytest.approx(before, rel=1e-4, abs=1e-6)


def test_each_network_has_features_of_views_of_its_own(weights, tmp_path, monkeypatch, capsys):
    filled = []
    fill = cached_features.FeatureCache.fill

    def noting(self, *arguments):
        fill(self, *arguments)
        filled.append([list(view) for view in self._train])

    monkeypatch.setattr(cached_features.FeatureCache, "fill", noting)
    tuning = {"frozen_epochs": 3, "cached_views": 2}
    fit(fine_tuned(weights, tuning), tmp_path / "run", progress=False)
    ((one, two),) = filled
    assert [each.shape for each in (*one, *two)] == [(80, 16)] * 4
    assert not one[0].equal(one[1])  # equal backbones, other views
    assert not one[0].equal(two[0])
    size = 2 * 2 * 80 * 16 * 4 / 1e6
    said = rf"cotrain: fine_tuning.cached_views=2: features of 80 training .*, {size:.1f} MB\n"
    assert len(re.findall(said, capsys.readouterr().out)) == 1


def test_frozen_epochs_need_no_backbone(weights, tmp_path, backbones):
    tuning = {"frozen_epochs": 20, "cached_views": 2}
    experiment = fine_tuned(weights, tuning, epochs=20, data={"validation": 0.2})
    fit(experiment, tmp_path / "run", progress=False)
    # Two views, once, of 64 images for each network; 16 to validate, 50 to test; three looks at
    # which layer is the head, of two images each.
    wanted = 2 * (2 * 64 + 16 + 50)
    assert wanted <= sum(backbones) <= wanted + 2 * 3 * 2 * 2


@pytest.mark.parametrize(("epoch", "step"), [(1, 2), (2, 3), (3, 1)])
def test_a_resumed_run_ends_bit_for_bit_the_same(weights, tmp_path, monkeypatch, epoch, step):
    experiment = fine_tuned(
        weights,
        {"frozen_epochs": 3, "cached_views": 2, "layer_decay": 0.7},
        epochs=4,
        checkpoint_steps=1,
        data={"validation": 0.2},
    )
    fit(experiment, tmp_path / "whole", progress=False)
    cut = cut_and_resumed(
        experiment, tmp_path / "run", monkeypatch, epoch=epoch, step=step, by=KilledError()
    )
    assert same(cut, final_weights(tmp_path / "whole"))
    tables = [RunFolder(tmp_path / name).metrics.read_bytes() for name in ("run", "whole")]
    assert tables[0] == tables[1]


def test_workers_change_nothing(weights, tmp_path):
    for name, workers in (("alone", 0), ("two", 2)):
        tuning = {"frozen_epochs": 2, "cached_views": 2}
        experiment = fine_tuned(weights, tuning, epochs=2, data={"workers": workers})
        fit(experiment, tmp_path / name, progress=False)
    assert same(final_weights(tmp_path / "alone"), final_weights(tmp_path / "two"))


def test_features_that_do_not_fit_are_refused_before_training(weights, tmp_path, monkeypatch):
    monkeypatch.setattr(cached_features, "free_memory", lambda: 40_000)
    tuning = {"frozen_epochs": 3, "cached_views": 2}  # 2 views of 80 images, 2 times 16 numbers
    with pytest.raises(ConfigError, match=r"cached_views=2 would take 0.0 GB, more than half"):
        fit(fine_tuned(weights, tuning), tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()
    monkeypatch.setattr(cached_features, "free_memory", lambda: 2 * 4 * 2 * 80 * 2 * 16)
    fit(fine_tuned(weights, tuning), tmp_path / "run", progress=False)
