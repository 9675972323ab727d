"""A pilot with a trainer that trains nothing: what it trains on, says, writes and refuses."""

import json
import shlex
from dataclasses import replace

import pytest
import safetensors.torch
import torch

from cotrain import ConfigError, divide, networks
from cotrain.basics.run_folder import RunFolder
from cotrain.comparison.accuracy.candidates import list_candidates
from cotrain.comparison.accuracy.compare import compare
from cotrain.comparison.accuracy.only import Only, train_only
from cotrain.config import Data, Experiment, Hardware
from cotrain.config.recipes import dump_experiment, load_recipe
from cotrain.data import read_record
from cotrain.planning.pilot.pilot import pilot
from cotrain.training.from_experiment import experiment_images

EXPERIMENT = Experiment(
    network="basic_resnet8_8",
    epochs=30,
    data=Data(dataset="digits", train_images=200, validation="none"),
    hardware=Hardware(threads=1, accelerator="cpu"),
)


def fake_fit(experiment, output, *, resume, progress, split_of):
    """Leave what a run leaves: S=1 is wrong on 12 of the 40 held-out images, S=2 on 2 or 3."""
    folder = RunFolder(output)
    record = read_record(RunFolder(split_of).split)
    assert record is not None
    test = record.parts["test"]
    spec = networks.spec("basic_resnet8_8", num_classes=10, in_channels=1, image_size=8)
    divide(spec, experiment.into, seed=experiment.seed).save(folder.ensemble)
    folder.config.write_text(dump_experiment(experiment))
    targets = torch.tensor(test.targets)
    wrong = 12 if experiment.into == 1 else 2 + experiment.seed % 2
    given = torch.where(torch.arange(len(targets)) < wrong, (targets + 1) % 10, targets)
    logits = 4.0 * torch.nn.functional.one_hot(given, 10)
    logits = logits.expand(experiment.into, -1, -1).contiguous()
    safetensors.torch.save_file({"logits": logits, "targets": targets}, folder.predictions)
    folder.evaluation.write_text("{}")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    output = tmp_path_factory.mktemp("pilot")
    return pilot(EXPERIMENT, output, into=(1, 2), seeds=(0, 1, 2), jobs=1, train=fake_fit), output


def test_it_trains_and_tests_on_training_images_alone(done):
    result, output = done
    held_out = replace(EXPERIMENT, data=replace(EXPERIMENT.data, validation=0.2))
    whole = experiment_images(held_out).record
    own = read_record(RunFolder(output).split)
    assert whole is not None
    assert own is not None
    assert sorted(own.parts) == ["test", "train"]
    assert own.parts["train"] == whole.parts["train"]
    assert own.parts["test"] == whole.parts["val"]
    assert (len(own.parts["train"].names), len(own.parts["test"].names)) == (160, 40)
    assert set(whole.parts["test"].names) <= set(own.others)
    assert result.extent.images == 40


def test_it_says_who_is_ahead_and_by_how_much(done):
    result, output = done
    large, two = result.candidates
    assert large.errors == (30, 30, 30)
    assert two.errors == pytest.approx((5, 7.5, 5))
    assert (result.lead.leader, result.lead.is_clear) == ("S=2", True)
    assert result.lead.gap.mean == pytest.approx(30 - 17.5 / 3)
    assert result.verdict[0].startswith("S=2 is ahead of S=1 by 24.17 points of error")
    assert (result.extent.epochs, result.extent.of_epochs) == (10, 30)
    config = load_recipe(output / "s2-seed0" / "config.yaml")
    assert (config.epochs, config.into, config.data.validation) == (10, 2, 0.2)
    assert large.cost.params_ratio == 1
    json.dumps(result.to_dict())


def test_what_comes_next_is_the_experiment_as_it_was_given(done):
    result, output = done
    assert load_recipe(output / "recipe.yaml") == replace(EXPERIMENT, into=2)
    train, compare = map(shlex.split, result.commands)
    recipe = str(output / "recipe.yaml")
    assert train == ["cotrain", "train", "--config", recipe, "--output", f"{output}-big"]
    assert compare == [
        *("cotrain", "compare", "--config", recipe, "--into", "1,2", "--seeds", "0,1,2"),
        *("--output", f"{output}-compare"),
    ]


def test_a_finished_pilot_is_read_again(done):
    result, output = done
    again = pilot(EXPERIMENT, output, into=(1, 2), seeds=(0, 1, 2), jobs=1, train=print)
    assert again.lead == result.lead
    assert again.seconds is not None
    assert again.candidates[0].seconds is not None
    assert again.candidates[0].big_seconds == pytest.approx(3 * again.candidates[0].seconds)
    large, two = (each.big_seconds or 0 for each in again.candidates)
    assert again.whole_seconds == pytest.approx(3 * (large + 2 * two))  # of S=2 without loss, too


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"into": (4,)}, r"into=\[4\]: give at least 2, each once"),
        ({"into": (2, 2)}, r"into=\[2, 2\]: give at least 2, each once"),
        ({"seeds": ()}, r"seeds=\[\]: give at least 1, each once"),
        ({"length": 2}, "length=2 is no share of the epochs"),
        ({"jobs": 0}, "jobs=0 is below 1"),
        ({"budget_minutes": 0}, "budget_minutes=0 is no time"),
    ],
)
def test_what_cannot_be_piloted_is_one_line(tmp_path, changes, message):
    wanted = {"into": (1, 2), "seeds": (0, 1), **changes}
    with pytest.raises(ConfigError, match=message):
        pilot(EXPERIMENT, tmp_path / "out", **wanted)


def test_other_settings_are_refused(done):
    changed = replace(EXPERIMENT, batch_size=32)
    with pytest.raises(ConfigError, match="batch_size: 64, not 32: choose another --output"):
        pilot(changed, done[1], into=(1, 2), seeds=(0, 1, 2), jobs=1, train=fake_fit)


def test_a_comparison_in_the_folder_of_a_pilot_is_refused(done):
    held_out = replace(EXPERIMENT, data=replace(EXPERIMENT.data, validation=0.2))
    for compared in (EXPERIMENT, held_out):
        message = r"remembers the images of a pilot, .*: choose another --output$"
        with pytest.raises(ConfigError, match=message):
            compare(compared, done[1], into=(4,), seeds=(0,), jobs=1, train=fake_fit)
        candidates = list_candidates(compared, (4,), independent=False)
        with pytest.raises(ConfigError, match=message):
            train_only(Only(number=1, of=1), compared, candidates, (0,), done[1], train=fake_fit)


@pytest.mark.parametrize("validation", [0.2, 0, "none"])
def test_the_folder_of_a_comparison_is_refused(tmp_path, validation):
    compared = replace(EXPERIMENT, data=replace(EXPERIMENT.data, validation=validation))
    experiment_images(compared).write(RunFolder(tmp_path))
    with pytest.raises(ConfigError, match=r"images of a comparison, .*: choose another --output$"):
        pilot(EXPERIMENT, tmp_path, into=(1, 2), seeds=(0,), jobs=1, train=fake_fit)
