"""Peers are trained by the same loop: resumed to the bit, averaged, mixed, selected."""

import shutil

import pytest
from training_runs import cut_and_resumed, final_weights, read_metrics, same, tiny

from cotrain import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.config.recipes import load_recipe
from cotrain.data import load_splits
from cotrain.ensemble.peers.peer import Peer, load_any
from cotrain.training import CoTraining, fit
from cotrain.training.from_experiment import experiment_ensemble
from cotrain.training.sharing import Sharing

pytest.importorskip("torch_uncertainty")


def settings(peer, into, **more):
    return tiny(peer=peer, into=into, co_training={"weight": 0.0}, **more)


@pytest.mark.parametrize(("peer", "into"), [("packed", 2), ("mimo", 2)])
def test_a_run_that_is_resumed_ends_as_one_that_was_not(peer, into, tmp_path, monkeypatch):
    experiment = settings(peer, into, ema=0.9, views={"mixup": 0.2}, data={"validation": 0.2})
    whole = fit(experiment, tmp_path / "whole", progress=False)
    assert isinstance(whole.ensemble, Peer)
    assert load_recipe(RunFolder(tmp_path / "whole").config).peer == peer
    assert whole.evaluation is not None
    assert len(whole.evaluation.networks) == into

    cut = cut_and_resumed(experiment, tmp_path / "cut", monkeypatch)
    assert same(cut, final_weights(tmp_path / "whole"))
    shipped = [load_any(RunFolder(tmp_path / name).ensemble) for name in ("cut", "whole")]
    assert same(*(dict(each.state_dict()) for each in shipped))


def test_the_loss_is_the_sum_over_the_answers(tmp_path):
    fit(settings("packed", 4, network="basic_resnet8_8"), tmp_path, progress=False)
    first, last = read_metrics(tmp_path)
    assert first["train_loss"] == first["train_cross_entropy"]
    # Near ln(10) of each of the four before much is learnt.
    assert 4 * 1.5 < first["train_loss"] < 4 * 3.5
    assert last["train_loss"] < first["train_loss"]


def test_the_optimizer_is_that_of_one_network(tmp_path):
    decay = {"divide_weight_decay": True, "weight_decay": 0.1}
    experiment = settings("packed", 2, optimizer=decay)
    module = CoTraining(peer_of(experiment), experiment, Sharing(whole=1))
    groups = module.configure_optimizers().param_groups
    assert groups[0]["weight_decay"] == 0.1  # exp(1/1 - 1) times


def peer_of(experiment):
    return experiment_ensemble(experiment, load_splits(experiment.data))


def test_resuming_with_another_peer_is_refused(tmp_path):
    fit(settings("packed", 2), tmp_path, progress=False)
    shutil.rmtree(tmp_path / "ensemble")
    with pytest.raises(ConfigError, match='says peer: "packed", the settings given say "mimo"'):
        fit(settings("mimo", 2), tmp_path, resume=True, progress=False)
