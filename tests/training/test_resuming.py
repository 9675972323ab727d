"""What a run goes on from: its own settings, its threads, its best ensemble, and no leftovers."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from training_runs import cut_and_resumed, final_state, final_weights, same, tiny

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.config import Experiment
from cotrain.config.recipes import dump_experiment
from cotrain.ensemble.ensemble import Ensemble
from cotrain.training import fit
from cotrain.training.checkpoint import write_checkpoint
from cotrain.training.resuming import threads_of

EXPERIMENT = tiny(data={"validation": 0.2})


@pytest.fixture(scope="module")
def ended(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("ended") / "run"
    fit(EXPERIMENT, folder, progress=False)
    return folder


@pytest.fixture
def run(ended, tmp_path) -> RunFolder:
    """A run that is trained to its end, but has not been evaluated."""
    folder = RunFolder(shutil.copytree(ended, tmp_path / "run"))
    folder.evaluation.unlink()
    return folder


def go_on(run: RunFolder, experiment=EXPERIMENT, **how):
    return fit(experiment, run.root, resume=True, progress=False, **how)


def test_an_edited_setting_is_named_with_both_values(run):
    edited = tiny(data={"validation": 0.2}, optimizer={"lr": 0.05})
    run.config.write_text(dump_experiment(edited))
    with pytest.raises(ConfigError) as caught:
        go_on(run, edited)
    assert str(caught.value) == (
        f"{run.config} says optimizer.lr: 0.05, but the run was trained with optimizer.lr: 0.1: "
        "write that there again, or train with other settings into another --output"
    )


def test_a_setting_that_changes_nothing_may_be_edited(run):
    edited = tiny(data={"validation": 0.2, "workers": 1}, checkpoint_steps=3)
    run.config.write_text(dump_experiment(edited))
    assert go_on(run, edited).evaluation is not None


@pytest.mark.parametrize(("name", "before"), [("mean", [0.5]), ("crop_mode", "squash")])
def test_images_that_would_be_made_otherwise_are_refused(run, name, before):
    """As after an update of a library that says how its network's images are made."""
    data = json.loads(run.data.read_text())
    now = data["preprocessing"][name]
    data["preprocessing"][name] = before
    run.data.write_text(json.dumps(data))
    shown = "squash" if name == "crop_mode" else r"\[0.5\]"
    with pytest.raises(ConfigError, match=f"the {name} of .* now, and was {shown} when it began"):
        go_on(run)
    data["preprocessing"][name] = now
    run.data.write_text(json.dumps(data))
    assert go_on(run).evaluation is not None


def test_the_threads_are_those_of_the_begin(run, monkeypatch, capsys):
    assert final_state(run.root)["cotrain"]["threads"] == torch.get_num_threads() == 1
    state = {"cotrain": {"threads": 3}}
    assert threads_of(state, None) == 3
    notice = "cotrain: computing with 3 CPU threads, with which the run began, not 1\n"
    assert capsys.readouterr().out == notice
    assert threads_of(state, 3) == threads_of(None, 3) == 3
    assert threads_of({"cotrain": {}}, None) == threads_of(None, None) == 1
    assert capsys.readouterr().out == ""


def of_an_earlier_version(run: RunFolder, experiment: Experiment, epoch: int = 1) -> None:
    """The run as if begun by version 0.1.0, which did not write what its numbers follow from."""
    state = final_state(run.root)
    del state["cotrain"]["arithmetic"], state["cotrain"]["settings"]
    state["cotrain"]["next_batch"] = (epoch, 0)
    write_checkpoint(state, run.checkpoint)
    run.config.write_text(dump_experiment(experiment))


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"optimizer": {"accumulate": 2}}, "optimizer.accumulate=2"),
        ({"ema": 0.99}, "ema=0.99"),
        ({"schedule": {"warmup_epochs": 2.0}}, "schedule.warmup_epochs=2.0"),
    ],
)
def test_a_run_is_not_trained_half_by_other_rules(run, settings, named):
    experiment = tiny(data={"validation": 0.2}, **settings)
    of_an_earlier_version(run, experiment)
    with pytest.raises(ConfigError) as caught:
        go_on(run, experiment)
    assert str(caught.value) == (
        f"an earlier version of cotrain, in which {named} did something else, began the run: "
        "end it with that version, or train into another --output"
    )


def test_a_run_that_an_earlier_version_ended_is_evaluated(run):
    of_an_earlier_version(run, EXPERIMENT, epoch=2)
    assert go_on(run).evaluation is not None


def test_other_parameters_than_before_are_not_decayed_in_silence(run):
    state = final_state(run.root)
    decayed, others = state["optimizer_states"][0]["param_groups"]
    decayed["params"].append(others["params"].pop())
    write_checkpoint(state, run.checkpoint)
    with pytest.raises(ConfigError, match=r"in which optimizer\.decayed=weights did something"):
        go_on(run)


def test_a_run_that_a_gpu_began_steps_as_the_cpu_does(tmp_path, monkeypatch):
    """One kernel that makes the step is the GPU's; the rest of the state is the same."""
    begun = []

    def fused(*_) -> bool:
        begun.append(len(begun) < 1)
        return begun[-1]

    monkeypatch.setattr("cotrain.training.module.is_fused", fused)
    cut_and_resumed(tiny(), tmp_path / "run", monkeypatch, step=2)
    assert begun[:2] == [True, False]
    groups = final_state(tmp_path / "run")["optimizer_states"][0]["param_groups"]
    assert [group["fused"] for group in groups] == [None, None]


def test_a_missing_best_ensemble_is_not_replaced_in_silence(run):
    shutil.rmtree(run.best)
    with pytest.raises(ConfigError, match=r"best is missing: copy it back, or go on with .*"):
        go_on(run)
    go_on(run, without_best=True)
    assert same(weights(run.ensemble), final_weights_of_networks(run))


def test_a_damaged_best_ensemble_does_not_keep_a_run_from_ending(run):
    path = run.best / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ConfigError, match=r"was changed or cut after .* --without-best"):
        go_on(run)
    go_on(run, without_best=True)
    assert not run.best.exists()
    assert same(weights(run.ensemble), final_weights_of_networks(run))


def test_a_whole_best_ensemble_is_not_given_up(run):
    with pytest.raises(ConfigError, match="best is whole: leave out --without-best"):
        go_on(run, without_best=True)
    assert run.best.is_dir()


def test_what_was_half_written_goes(run):
    halves = [
        run.config.with_name("config.yaml.tmp"),
        run.checkpoint.with_name("last.ckpt.previous.tmp"),
        run.best / "model.safetensors.tmp",
    ]
    for path in halves:
        path.touch()
    go_on(run)
    assert [path for path in halves if path.exists()] == []


def test_checkpoints_without_settings_are_no_place_for_a_new_run(run):
    run.config.unlink()
    with pytest.raises(ConfigError, match="already holds a run"):
        fit(EXPERIMENT, run.root)


def test_a_checkpoint_of_another_network_is_one_line(run, tmp_path):
    other = tiny(network="basic_resnet8_8", data={"validation": 0.2}, epochs=1)
    fit(other, tmp_path / "other", progress=False)
    state = final_state(tmp_path / "other")
    write_checkpoint(state, run.checkpoint)
    with pytest.raises(ConfigError, match='says network: "basic_resnet8_4", but the run was'):
        go_on(run)
    del state["cotrain"]["settings"]  # as earlier versions wrote it
    write_checkpoint(state, run.checkpoint)
    with pytest.raises(ConfigError, match=r"another network: ensemble\.networks\.0\.\S+ is \["):
        go_on(run)


@pytest.mark.parametrize("name", ["tensorboard", "checkpoints", "ensemble"])
def test_a_file_in_the_place_of_a_folder_is_one_line(run, name):
    shutil.rmtree(run.root / name)
    (run.root / name).touch()
    with pytest.raises(ConfigError, match=f"{name} is no folder: move it out of the run's way"):
        go_on(run)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return Ensemble.load(folder).state_dict()


def final_weights_of_networks(run: RunFolder) -> dict[str, torch.Tensor]:
    return {name.removeprefix("ensemble."): v for name, v in final_weights(run.root).items()}
