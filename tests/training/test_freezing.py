"""Frozen epochs train the head alone; BatchNorm's statistics stay where they are asked to."""

import math
from itertools import pairwise

import pytest
import timm
import torch
from fine_tuned import fine_tuned, states, write_weights
from training_runs import KilledError, cut_and_resumed, final_weights, same

from cotrain.networks.costs import count_params
from cotrain.training import CoTraining, fit


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> str:
    return write_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def epochs(monkeypatch):
    """The networks' state after every epoch of the runs of a test."""
    seen = []
    whole = CoTraining.end_epoch

    def noting(self):
        seen.append(states(self))
        return whole(self)

    monkeypatch.setattr(CoTraining, "end_epoch", noting)
    return seen


def _changed(before, after) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


def _is_head(name: str) -> bool:
    return ".fc." in name


def test_the_backbone_stays_in_frozen_epochs_and_moves_after(weights, tmp_path, epochs):
    result = fit(fine_tuned(weights, {"frozen_epochs": 2}), tmp_path / "run", progress=False)
    first, second, third = epochs
    loaded = torch.load(weights)
    for name, each in first.items():
        if not _is_head(name):
            assert each.equal(loaded[name.removeprefix("networks.0.").removeprefix("networks.1.")])
    heads = {name for name in first if _is_head(name)}
    assert len(heads) == 4
    assert _changed(first, second) == heads
    assert _changed(second, third) == set(first)  # statistics and their counters, too
    assert result.ensemble.params == sum(map(count_params, result.ensemble.networks))


def test_batch_norm_keeps_its_statistics_in_all_epochs(weights, tmp_path, epochs):
    settings = {"frozen_epochs": 1, "frozen_batch_norm": True}
    fit(fine_tuned(weights, settings), tmp_path / "run", progress=False)
    moved = _changed(epochs[0], epochs[-1])
    assert {name for name in epochs[0] if name not in moved} == {
        name for name in epochs[0] if name.rpartition(".")[2] in _STATISTICS
    }


_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def test_networks_trained_one_by_one_freeze_in_their_own_first_epochs(weights, tmp_path, epochs):
    settings = {"co_training": {"together": False}, "epochs": 2}
    fit(fine_tuned(weights, {"frozen_epochs": 1}, **settings), tmp_path / "run", progress=False)
    for place, (before, after) in enumerate(pairwise(epochs), start=1):
        network, epoch = divmod(place, 2)
        own = {name for name in before if name.startswith(f"networks.{network}.")}
        wanted = own if epoch else {name for name in own if _is_head(name)}
        assert _changed(before, after) == wanted


def test_a_probe_counts_the_parameters_of_whole_networks(weights, tmp_path):
    """With no validation the networks that were trained are those that are shipped."""
    settings = fine_tuned(weights, {"frozen_epochs": 1}, epochs=1)
    result = fit(settings, tmp_path / "run", progress=False)
    state = torch.load(weights)
    trained = sum(e.numel() for n, e in state.items() if n.rpartition(".")[2] not in _STATISTICS)
    assert result.ensemble.params == 2 * trained


@pytest.mark.parametrize(("epoch", "step"), [(0, 3), (1, 3), (2, 2)])
def test_a_resumed_run_ends_bit_for_bit_the_same(weights, tmp_path, monkeypatch, epoch, step):
    settings = {"frozen_epochs": 2, "layer_decay": 0.7, "head_lr_scale": 3}
    experiment = fine_tuned(
        weights, settings, checkpoint_steps=1, optimizer={"name": "adamw", "lr": 1e-3}
    )
    fit(experiment, tmp_path / "whole", progress=False)
    cut = cut_and_resumed(
        experiment, tmp_path / "run", monkeypatch, epoch=epoch, step=step, by=KilledError()
    )
    assert same(cut, final_weights(tmp_path / "whole"))


def test_each_group_follows_the_schedule_at_its_own_scale(weights, tmp_path, monkeypatch):
    rates, step = [], CoTraining.optimizer_step

    def noting(self, *args, **kwargs):
        step(self, *args, **kwargs)
        groups = self.optimizers(use_pl_optimizer=False).param_groups
        rates.append({group.get("lr_scale", 1): group["lr"] for group in groups})

    monkeypatch.setattr(CoTraining, "optimizer_step", noting)
    settings = {"layer_decay": 0.5, "head_lr_scale": 4}
    fit(fine_tuned(weights, settings, epochs=2), tmp_path / "run", progress=False)
    assert len(rates) == 10
    scales = [4.0, 0.5, 0.25, 0.125, 0.0625, 1.0]  # the head, three blocks, the stem; none has 1
    for place, each in enumerate(rates):
        lr = 0.1 * 0.5 * (1 + math.cos(math.pi * place / 10))
        assert each == pytest.approx({scale: lr * scale for scale in scales}, rel=1e-12)


def test_no_batch_norm_to_freeze_is_told(tmp_path, capsys):
    torch.manual_seed(0)
    torch.save(timm.create_model("test_vit").state_dict(), tmp_path / "w.pth")
    experiment = fine_tuned(
        str(tmp_path / "w.pth"), {"frozen_batch_norm": True}, network="timm:test_vit"
    )
    fit(experiment, tmp_path / "run", progress=False)
    assert "frozen_batch_norm=true: there is no BatchNorm" in capsys.readouterr().out
