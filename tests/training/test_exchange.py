"""Networks that are trained apart: each as beside the others, and what they exchange."""

import copy
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_runs import KilledError, final_weights, read_metrics, same, tiny

from cotrain.basics.errors import ConfigError, TrainingError
from cotrain.basics.run_folder import RunFolder
from cotrain.config import Experiment
from cotrain.data import load_splits
from cotrain.ensemble.assemble import assemble
from cotrain.ensemble.ensemble import Ensemble
from cotrain.evaluation.assembling.of_runs import assemble_runs
from cotrain.training import CoTraining, fit
from cotrain.training.checkpoint import read_checkpoint, write_checkpoint
from cotrain.training.datamodule import Loaders

STEPS = 5  # an epoch


def member(number: int, **settings) -> Experiment:
    options = {"member": number, "exchange_steps": 2, "ramp_epochs": 0.0}
    return tiny(co_training=options | settings)


def train(folder: Path, experiment: Experiment, **options) -> Path:
    return fit(experiment, folder, progress=False, **options).folder


@pytest.fixture(scope="module")
def apart(tmp_path_factory) -> Path:
    """Network 0, and after it network 1, which learns from what 0 said."""
    folder = tmp_path_factory.mktemp("apart") / "run"
    for number in range(2):
        assert train(folder, member(number)) == folder / f"member{number}"
    return folder


def only(found: dict[str, torch.Tensor], index: int) -> list[torch.Tensor]:
    return [each for name, each in found.items() if f"networks.{index}." in name]


def test_a_member_alone_is_the_network_of_that_number(tmp_path):
    together = {"co_training": {"weight": 0.0}, "ema": 0.9, "optimizer": {"clip": None}}
    fit(tiny(**together), tmp_path / "together", progress=False)
    alone = {**together, "co_training": {"weight": 0.0, "member": 1}}
    fit(tiny(**alone), tmp_path / "apart", progress=False)
    expected = only(final_weights(tmp_path / "together"), 1)
    found = only(final_weights(tmp_path / "apart" / "member1"), 0)
    assert len(found) == len(expected) > 10
    assert all(map(torch.equal, found, expected))


def test_a_member_learns_from_what_the_others_said(apart, tmp_path):
    alone = final_weights(train(tmp_path / "run", member(1)))
    assert not same(final_weights(apart / "member1"), alone)
    first, second = (read_metrics(apart / f"member{number}") for number in range(2))
    assert [row["others_known"] for row in first] == [0, 0]
    assert all(row["others_lag"] != row["others_lag"] for row in first)
    # All of what network 0 said is of its second epoch, in which the images come as in ours.
    assert [row["others_known"] for row in second] == [1, 1]
    assert [row["others_lag"] for row in second] == [2 - (STEPS + 2), 0]
    assert second[1]["train_divergence"] > 0 == first[1]["train_divergence"]


def test_the_bank_has_the_step_in_which_each_image_was_seen_last(apart):
    experiment = member(0)
    sampler = Loaders(experiment, load_splits(experiment.data)).training().sampler
    steps = torch.zeros(80, dtype=torch.int32)
    for epoch in range(2):
        for key in sampler.keys(epoch, 0):  # type: ignore[union-attr]
            steps[list(key.indices)] = epoch * STEPS + key.batch
    assert torch.equal(read_checkpoint(apart / "bank" / "network0.pt")["steps"], steps)


@pytest.mark.parametrize("cut", [None, 3])
def test_beside_a_bank_that_stays_it_is_repeatable_to_the_bit(apart, tmp_path, monkeypatch, cut):
    (tmp_path / "bank").mkdir()
    shutil.copy(apart / "bank" / "network0.pt", tmp_path / "bank")
    experiment = replace(member(1), checkpoint_steps=2)
    if cut is None:
        train(tmp_path, experiment)
    else:
        whole = CoTraining.training_step

        def killed(self, batch, batch_idx):
            if (self.current_epoch, batch_idx) == (1, cut):
                raise KilledError
            return whole(self, batch, batch_idx)

        with monkeypatch.context() as patched:
            patched.setattr(CoTraining, "training_step", killed)
            with pytest.raises(KilledError):
                train(tmp_path, experiment)
        train(tmp_path / "member1", experiment, resume=True)
    assert same(final_weights(tmp_path / "member1"), final_weights(apart / "member1"))
    assert read_metrics(tmp_path / "member1") == read_metrics(apart / "member1")
    names = ("values", "steps")
    mine, theirs = (
        read_checkpoint(folder / "bank" / "network1.pt") for folder in (tmp_path, apart)
    )
    assert all(torch.equal(mine[name], theirs[name]) for name in names)


def test_members_become_one_ensemble(apart):
    runs = [apart / f"member{number}" for number in range(2)]
    found = assemble_runs(runs).ensemble
    shipped = [Ensemble.load(RunFolder(run).ensemble) for run in runs]
    images = torch.rand(3, 1, 8, 8)
    expected = torch.cat([each(images) for each in shipped])
    assert torch.equal(found(images), expected)
    assert found.spec.into == len(shipped[0].networks) + 1 == 2
    assert torch.equal(assemble(runs).eval()(images), expected)


def test_a_bank_of_other_images_is_refused(apart):
    experiment = replace(member(1), data=replace(member(1).data, split_seed=1))
    shutil.rmtree(apart / "member1", ignore_errors=True)
    with pytest.raises(ConfigError, match=r"network\d\.pt is of other images: choose another"):
        train(apart, experiment)
    assert not (apart / "member1").exists()


def test_several_devices_are_refused(tmp_path):
    several = tiny(co_training={"member": 1}, hardware={"devices": 2})
    with pytest.raises(ConfigError, match=r"co_training\.member=1 trains on one device, not 2: "):
        train(tmp_path, several)


@pytest.mark.parametrize("mixing", ["mixup", "cutmix"])
def test_where_batches_are_mixed_the_bank_has_what_is_said_of_each_image(
    tmp_path, monkeypatch, mixing
):
    answered = {}
    whole = CoTraining.optimizer_step

    def noting(self, *args, **kwargs):
        step, before = self.global_step, self.ensemble.networks[0].training
        whole(self, *args, **kwargs)
        answered[step] = copy.deepcopy(self.ensemble).eval()
        assert before

    monkeypatch.setattr(CoTraining, "optimizer_step", noting)
    views = {mixing: 1.0}
    for number in range(2):
        train(tmp_path, replace(member(number), views=replace(tiny().views, **views)))
    experiment = member(1)  # unmixed
    loader = Loaders(experiment, load_splits(experiment.data)).training()
    wanted = torch.zeros(80, 10)
    for key in loader.sampler.keys(1, 0):  # type: ignore[union-attr]
        with torch.no_grad():
            said = answered[STEPS + key.batch](loader.dataset[key].images)[0]
        wanted[list(key.indices)] = said.log_softmax(-1)
    found = read_checkpoint(tmp_path / "bank" / "network1.pt")["values"]
    torch.testing.assert_close(found.float(), wanted, rtol=2e-3, atol=1e-4)
    assert read_metrics(tmp_path / "member1")[-1]["others_known"] == 1


def test_a_full_disk_ends_the_run_which_can_go_on(tmp_path, monkeypatch):
    """What fails in the thread that publishes is raised where the run is trained."""
    experiment, published = replace(member(1), checkpoint_steps=1), []

    def full(state, path, **options):
        published.append(path)
        if len(published) == 3:
            raise TrainingError(f"cannot write {path}")
        write_checkpoint(state, path, **options)

    with monkeypatch.context() as patched:
        patched.setattr("cotrain.training.bank.write_checkpoint", full)
        with pytest.raises(TrainingError, match=r"cannot write .*network1\.pt"):
            train(tmp_path / "run", experiment)
    assert len(published) == 3
    train(tmp_path / "run" / "member1", experiment, resume=True)
    alone = final_weights(train(tmp_path / "whole", member(1)))
    assert same(final_weights(tmp_path / "run" / "member1"), alone)
