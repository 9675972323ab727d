"""``cotrain distill``: the run's own settings, one network, and a table of who answers how well."""

import json
from pathlib import Path

import pytest
from training_runs import tiny

from cotrain.basics.run_folder import RunFolder
from cotrain.cli import main
from cotrain.cli.student import student_settings
from cotrain.cli.words import readable
from cotrain.config.recipes import load_recipe
from cotrain.data import read_record
from cotrain.ensemble.ensemble import Ensemble
from cotrain.evaluation.evaluate import read_predictions
from cotrain.evaluation.run_scores import run_scores
from cotrain.evaluation.scores import scores_of
from cotrain.training import fit


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs as a comparison leaves them."""
    root = tmp_path_factory.mktemp("comparison")
    for into in (1, 4):
        settings = tiny(into=into, epochs=1, network="basic_resnet8_8", views={"mixup": 0.2})
        fit(settings, root / f"s{into}-seed0", progress=False)
    return root


@pytest.mark.parametrize("size", ["large", "small"])
def test_the_student_has_the_settings_of_the_run(comparison, tmp_path, capsys, size):
    run, output = comparison / "s4-seed0", tmp_path / size
    main(["distill", str(run), "--size", size, "--output", str(output), "--teacher.weight", "0.7"])
    own, teacher = load_recipe(output / "config.yaml"), load_recipe(run / "config.yaml")
    assert (own.into, own.sized_for) == (1, 4 if size == "small" else None)
    assert (own.teacher.run, own.teacher.weight) == (str(run), 0.7)
    assert (own.data, own.views, own.optimizer) == (teacher.data, teacher.views, teacher.optimizer)
    student, ensemble = (Ensemble.load(each / "ensemble").spec for each in (output, run))
    expected = ensemble.network if size == "small" else ensemble.large
    assert (student.network, student.large) == (expected, ensemble.large)
    assert student.is_large == (size == "large")
    out = capsys.readouterr().out
    first = [line.split()[0] for line in out.splitlines() if line.split()]
    assert first[-4:] == ["student", "ensemble", "large", "ensemble:"]


def test_the_rows_are_the_scores_of_the_stored_answers(comparison, tmp_path):
    runs = {name: RunFolder(comparison / f"{name}-seed0") for name in ("s4", "s1")}
    found = run_scores(runs)
    logits, targets = read_predictions(runs["s4"])
    expected = scores_of(logits.double().mean(0).log_softmax(-1), targets)
    assert found[0].scores is not None
    assert found[0].scores.nll == pytest.approx(expected.nll, rel=1e-12)
    assert [each.into for each in found] == [4, 1]
    fit(tiny(epochs=1, data={"test_images": 40}), tmp_path / "other", progress=False)
    others = run_scores({**runs, "other": RunFolder(tmp_path / "other")})
    assert others[-1].scores is None


def refusal(capsys, *words: object) -> str:
    with pytest.raises(SystemExit) as caught:
        main(list(map(str, words)))
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_what_makes_no_student_is_refused(comparison, tmp_path, capsys):
    large, four, out = comparison / "s1-seed0", comparison / "s4-seed0", tmp_path / "out"
    told = refusal(capsys, "distill", large, "--size", "small", "--output", out)
    assert told.endswith("has one network, the large one: leave it out\n")
    told = refusal(capsys, "distill", four, "--teacher.run", large, "--output", out)
    assert f"the teacher is {four}: leave it out, or use cotrain train" in told
    assert "there is no run" in refusal(capsys, "distill", four / "ensemble", "--output", out)
    assert "already holds a run" in refusal(capsys, "distill", four, "--output", four)
    assert not out.exists()


@pytest.fixture(scope="module")
def differing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run of networks that differ, and an ensemble that was assembled of it."""
    root = tmp_path_factory.mktemp("differing")
    settings = tiny(network="basic_resnet8_4,basic_resnet8_8", epochs=1, data={"validation": 0.2})
    fit(settings, root / "run", progress=False)
    main(["assemble", str(root / "run"), "--output", str(root / "made")])
    return root / "run", root / "made"


def test_networks_that_differ_teach_a_student_that_is_named(differing, tmp_path, capsys):
    run, made = differing
    words = ("--network", "basic_resnet14_4", "--epochs", "1", "--output", tmp_path / "one")
    main(list(map(str, ("distill", run, *words))))
    own, teacher = load_recipe(tmp_path / "one" / "config.yaml"), load_recipe(run / "config.yaml")
    assert (own.network, own.into, own.teacher.run) == ("basic_resnet14_4", 1, str(run))
    assert (own.data, own.optimizer) == (teacher.data, teacher.optimizer)
    told = [refusal(capsys, "distill", each, "--output", tmp_path / "no") for each in differing]
    assert all("has no large network that was divided: name the student's" in each for each in told)
    small = ("--size", "small", "--network", "basic_resnet8_4", "--output", tmp_path / "no")
    assert "was not divided: leave it out" in refusal(capsys, "distill", run, *small)
    assert "was not divided: leave it out" in refusal(capsys, "distill", made, *small)


def test_an_assembled_ensemble_has_images_and_a_recipe_the_rest(differing, tmp_path, capsys):
    run, made = differing
    words = ("--config", "digits", "--network", "basic_resnet8_4", "--epochs", "1")
    main(list(map(str, ("distill", made, *words, "--output", tmp_path / "one"))))
    own, first = load_recipe(tmp_path / "one" / "config.yaml"), load_recipe(run / "config.yaml")
    assert (own.into, own.teacher.run, own.views.padding) == (1, str(made), 1)
    known = ("dataset", "train_images", "test_images", "validation", "split_seed")
    assert [getattr(own.data, name) for name in known] == [
        getattr(first.data, name) for name in known
    ]
    assert own.data.image_size == 8
    splits = [read_record(folder / "split.jsonl") for folder in (tmp_path / "one", made)]
    assert splits[0] == splits[1]
    assert "student" in capsys.readouterr().out


def test_files_of_the_teachers_weights_are_not_the_students(tmp_path):
    settings = {"network": "a,b", "into": 2, "pretrained": "a.pth,b.pth", "epochs": 3}
    (tmp_path / "config.yaml").write_text(json.dumps(settings))
    found = student_settings(str(tmp_path), {"network"})
    assert (found["pretrained"], found["epochs"]) == (False, 3)
    (tmp_path / "config.yaml").write_text(json.dumps(settings | {"pretrained": True}))
    assert student_settings(str(tmp_path), {"network"})["pretrained"] is True


def test_words_of_the_user_take_precedence_and_help_needs_no_run(comparison):
    words = readable(["distill", str(comparison / "s4-seed0"), "--epochs", "3"])
    assert words[0] == "distill"
    assert words[1].startswith('--config={"network": "basic_resnet8_8"')
    assert words[2:] == [str(comparison / "s4-seed0"), "--epochs", "3"]
    assert readable(["distill", "run", "--help"]) == ["distill", "run", "--help"]
