"""Recipes are found by name or path, overridden, checked key by key, and written back."""

from dataclasses import replace

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cotrain import ConfigError
from cotrain.config import CoTrainingOptions, Data, Experiment, Hardware, Optimizer, Schedule, Views
from cotrain.config.recipes import (
    dump_experiment,
    list_recipes,
    load_recipe,
    read_recipe,
    recipe_path,
)


@pytest.fixture
def own(tmp_path):
    """Write a recipe of one's own and give its path."""

    def write(text: str):
        path = tmp_path / "own.yaml"
        path.write_text(text)
        return path

    return write


def refusal(name, overrides=()) -> str:
    with pytest.raises(ConfigError) as caught:
        load_recipe(name, overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_packaged_recipe_is_found_by_name():
    assert recipe_path("digits").name == "digits.yaml"
    assert "digits" in list_recipes()
    assert read_recipe("digits")["data"]["train_images"] == 200


def test_ones_own_file_goes_before_a_packaged_recipe(tmp_path, monkeypatch):
    (tmp_path / "digits").write_text("into: 2\n")
    assert load_recipe("digits").into == 4
    monkeypatch.chdir(tmp_path)
    assert load_recipe("digits").into == 2


def test_what_a_recipe_leaves_out_has_its_default(own):
    path = own("network: resnet11\noptimizer:\n  lr: 1e-3\n")
    expected = Experiment(network="resnet11", optimizer=Optimizer(lr=1e-3))
    assert load_recipe(path) == load_recipe(str(path)) == expected


def test_overrides_change_what_they_name_alone():
    base = load_recipe("digits")
    overrides = ["--epochs=2", "--optimizer.lr=0.05"]
    overrides += ["--data.train_images=null", "--views.flip=true"]
    expected = replace(
        base,
        epochs=2,
        optimizer=replace(base.optimizer, lr=0.05),
        data=replace(base.data, train_images=None),
        views=replace(base.views, flip=True),
    )
    assert load_recipe("digits", overrides) == expected
    assert load_recipe("digits", ["--epochs", "2"]).epochs == 2


def test_an_unknown_recipe_lists_close_ones():
    message = refusal("digitz")
    assert message == "--config digitz: there is no such file or recipe: did you mean digits?"
    assert refusal("@").endswith(": give a path, or a name that cotrain recipes lists")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("bogus: 1", "bogus"),
        ("optimizer: {lrr: 0.1}", "lrr"),
        ("epochs: many", "epochs"),
        ("epochs: 1.5", "epochs"),
        ("views: {crop: sideways}", "crop"),
        ("data: {in_channels: 2}", "in_channels"),
        ("views: {scale: [0.1]}", "scale"),
        ("optimizer: {lr: .nan}", "optimizer.lr=nan is not finite"),
        ("into: 0", "into=0 is not in [1, 1024]"),
        ("schedule: 7", "schedule"),
    ],
)
def test_a_bad_key_or_value_is_named(own, text, named):
    assert named in refusal(own(text))


@pytest.mark.parametrize("override", ["--bogus=1", "--optimizer.lrr=1", "--epoch=2", "--epochs=x"])
def test_a_bad_override_is_named(override):
    assert override.lstrip("-").partition("=")[0] in refusal("digits", [override])


@pytest.mark.parametrize("text", ["", "just text", "- a\n- b\n", "3"])
def test_a_file_without_settings_is_refused(own, text):
    assert "own.yaml holds no settings" in refusal(own(text))


def test_a_file_that_is_not_yaml_is_refused(own, tmp_path):
    assert "own.yaml is not YAML" in refusal(own("network: [unclosed\ninto: 2\n"))
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x9b")
    assert "binary.yaml is no text in UTF-8" in refusal(tmp_path / "binary.yaml")


def test_yaml_runs_no_code(own, tmp_path):
    made = tmp_path / "made"
    message = refusal(own(f"network: !!python/object/apply:os.mkdir ['{made}']\n"))
    assert "python/object/apply:os.mkdir is a tag, which is refused" in message
    assert not made.exists()


@pytest.mark.parametrize("name", list_recipes())
def test_a_recipe_survives_writing(name, own):
    experiment = load_recipe(name)
    assert load_recipe(own(dump_experiment(experiment))) == experiment


def test_every_field_is_written():
    written = yaml.safe_load(dump_experiment(Experiment()))
    assert written["views"]["scale"] == [0.08, 1.0]
    assert list(written) == list(Experiment.__dataclass_fields__)
    assert list(written["optimizer"]) == list(Optimizer.__dataclass_fields__)


NUMBERS = st.floats(0, 100)


@settings(max_examples=15)
@given(
    experiment=st.builds(
        Experiment,
        into=st.integers(1, 99),
        seed=st.integers(-(2**40), 2**40),
        ema=st.none() | st.floats(0, 0.9999),
        early_stopping=st.none() | st.integers(1, 9),
        data=st.builds(
            Data,
            root=st.none() | st.text("ab./- ", max_size=8).map("data".__add__),
            validation=st.just("none") | st.floats(0, 0.9),
            mean=st.none() | st.lists(NUMBERS, min_size=1, max_size=3),
        ),
        views=st.builds(Views, scale=st.tuples(NUMBERS, NUMBERS), flip=st.booleans()),
        optimizer=st.builds(
            Optimizer,
            lr=NUMBERS,
            clip=st.none() | NUMBERS,
            options=st.dictionaries(st.sampled_from("ab"), st.lists(NUMBERS), max_size=2),
        ),
        schedule=st.builds(
            Schedule, milestones=st.lists(st.integers(0, 9), max_size=3).map(tuple), end_lr=NUMBERS
        ),
        co_training=st.builds(CoTrainingOptions, ramp_epochs=st.none() | NUMBERS),
        hardware=st.builds(Hardware, devices=st.just("auto") | st.integers(1, 8)),
    )
)
def test_any_experiment_survives_writing(tmp_path_factory, experiment):
    path = tmp_path_factory.mktemp("run") / "config.yaml"
    path.write_text(dump_experiment(experiment))
    assert load_recipe(path) == experiment
