"""Answers to image files, and rows for files that are none."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from cotrain import ConfigError, divide, networks
from cotrain.ensemble.combining import mutual_information
from cotrain.ensemble.prediction import LabelProbability, Prediction
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.evaluation.answer_formats import to_jsonl
from cotrain.evaluation.prediction import find_images, predict_files
from cotrain.execution import prepare

GREY = Preprocessing(image_size=8, in_channels=1, mean=(0.5,), std=(0.25,))


@pytest.fixture
def ensemble():
    spec = networks.spec("basic_resnet8_8", num_classes=3, in_channels=1, image_size=8)
    ensemble = divide(spec, 4, seed=0)
    for parameter in ensemble.parameters():  # far from initialisation: the networks disagree
        parameter.data.mul_(3)
    ensemble.spec = replace(ensemble.spec, preprocessing=GREY, classes=("cat", "dog", "owl"))
    return ensemble


@pytest.fixture
def pictures(tmp_path):
    """Seven 8x8 images as arrays, and their files: names in order."""
    arrays = np.random.default_rng(0).integers(256, size=(7, 8, 8), dtype=np.uint8)
    for index, array in enumerate(arrays):
        Image.fromarray(array).save(tmp_path / f"{index}.png")
    return arrays, [str(tmp_path / f"{index}.png") for index in range(7)]


def test_rows_equal_the_ensembles_answer_to_the_pixels(ensemble, pictures):
    arrays, paths = pictures
    images = (torch.from_numpy(arrays)[:, None].float() / 255 - 0.5) / 0.25
    with torch.no_grad():
        logits = ensemble.eval()(images)
    probabilities = logits.mean(0).softmax(-1)
    labels = probabilities.argmax(-1)
    rows = list(predict_files(ensemble, paths, batch_size=3))
    assert [row.path for row in rows] == paths
    assert [row.label for row in rows] == [("cat", "dog", "owl")[label] for label in labels]
    assert [row.probability for row in rows] == pytest.approx(probabilities.amax(-1).tolist())
    differing = (logits.argmax(-1) != labels).float().mean(0)
    assert differing.max() > 0
    assert [row.disagreement for row in rows] == pytest.approx(differing.tolist())
    expected = mutual_information(logits).tolist()
    assert [row.mutual_information for row in rows] == pytest.approx(expected, rel=1e-4, abs=1e-7)
    assert {row.error for row in rows} == {None}


def test_rows_of_an_execution_are_the_ensembles(ensemble, pictures):
    _, paths = pictures
    expected = list(predict_files(ensemble, paths, batch_size=3))
    with prepare(ensemble, "threads") as execution:
        assert list(predict_files(execution, paths, batch_size=3)) == expected


def test_an_execution_of_bare_networks_says_what_is_missing(ensemble, pictures):
    with (
        prepare(ensemble.networks, "loop") as execution,
        pytest.raises(ConfigError, match="'loop' has networks without a spec: prepare an Ensemble"),
    ):
        list(predict_files(execution, pictures[1]))


def test_combination_and_unknown_names_come_from_the_spec(ensemble, pictures):
    arrays, paths = pictures
    ensemble.spec = replace(ensemble.spec, classes=(), combine="max_probabilities")
    images = GREY.normalize(torch.from_numpy(arrays)[:, None])
    expected, labels = ensemble.predict(images).max(-1)
    rows = list(predict_files(ensemble, paths))
    assert [row.label for row in rows] == [str(label) for label in labels.tolist()]
    assert [row.probability for row in rows] == pytest.approx(expected.tolist())


def test_top_and_probabilities_are_of_the_mean_logits(ensemble, pictures):
    arrays, paths = pictures
    images = GREY.normalize(torch.from_numpy(arrays)[:, None])
    probabilities = ensemble.predict(images)
    names = ensemble.spec.classes
    for row, expected in zip(
        predict_files(ensemble, paths, top=2, probabilities=True), probabilities, strict=True
    ):
        assert row.probabilities == pytest.approx(dict(zip(names, expected.tolist(), strict=True)))
        assert row.top is not None
        best = expected.argsort(descending=True)[:2]
        assert [each.label for each in row.top] == [names[place] for place in best]
        assert [each.probability for each in row.top] == pytest.approx(expected[best].tolist())
        assert (row.top[0].label, row.top[0].probability) == (row.label, row.probability)


def test_of_equal_probabilities_the_first_class_comes_first(ensemble, pictures):
    for parameter in ensemble.parameters():
        parameter.data.zero_()
    (row,) = predict_files(ensemble, pictures[1][:1], top=3)
    assert row.label == "cat"
    assert row.top == tuple(
        LabelProbability(label=name, probability=1 / 3) for name in ("cat", "dog", "owl")
    )


@pytest.mark.parametrize(
    ("classes", "options", "message"),
    [
        ((), {"top": 0}, r"top=0 is not in \[1, 3\]"),
        ((), {"top": 4}, r"top=4 is not in \[1, 3\]"),
        (("a", "b", "a"), {"probabilities": True}, "two classes are called 'a'"),
    ],
)
def test_classes_that_cannot_be_named(ensemble, pictures, classes, options, message):
    ensemble.spec = replace(ensemble.spec, classes=classes)
    with pytest.raises(ConfigError, match=message):
        list(predict_files(ensemble, pictures[1], **options))


def test_an_ensemble_answers_files_and_folders_itself(ensemble, pictures, tmp_path):
    _, paths = pictures
    expected = list(predict_files(ensemble, [paths[2], *paths], top=2))
    assert ensemble.predict_files([paths[2], tmp_path], top=2, batch_size=3) == expected
    assert ensemble.predict_files(paths[2], top=2) == expected[:1]


def test_unreadable_files_are_rows_with_an_error(ensemble, pictures, tmp_path):
    _, paths = pictures
    text, empty, missing = (str(tmp_path / name) for name in ("text.png", "empty.jpg", "no.png"))
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "empty.jpg").touch()
    rows = list(predict_files(ensemble, [text, paths[0], empty, missing, paths[1]], batch_size=2))
    assert [row.path for row in rows] == [text, paths[0], empty, missing, paths[1]]
    assert [row.error is None for row in rows] == [False, True, False, False, True]
    assert rows[0] == Prediction(path=text, error="not an image")
    alone = list(predict_files(ensemble, paths[:2]))
    assert [rows[1].probability, rows[4].probability] == pytest.approx(
        [row.probability for row in alone]
    )


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_an_answer_that_is_not_finite_is_a_row_with_an_error(ensemble, pictures, value):
    """Only the picture at which network 2 fails is without an answer."""
    arrays, paths = pictures

    def spoil(module, inputs, logits):
        return torch.where((inputs[0] == bad).all((1, 2, 3))[:, None], value, logits)

    before = list(predict_files(ensemble, paths))
    bad = GREY.normalize(torch.from_numpy(arrays[3])[None, None])
    ensemble.networks[2].register_forward_hook(spoil)
    rows = list(predict_files(ensemble, paths))
    error = "network 2 gives NaN or infinite logits"
    assert rows[3] == Prediction(path=paths[3], error=error)
    assert rows[:3] + rows[4:] == before[:3] + before[4:]
    for line in to_jsonl(rows).splitlines():
        json.loads(line, parse_constant=pytest.fail)


def test_an_ensemble_without_preprocessing_cannot_read_files(ensemble):
    ensemble.spec = replace(ensemble.spec, preprocessing=None)
    with pytest.raises(ConfigError, match="no preprocessing"):
        list(predict_files(ensemble, []))


def test_images_are_found_below_a_folder_in_order(tmp_path):
    for name in ("b/2.png", "b/1.JPG", "a.jpeg", "notes.txt", ".hidden.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [path.removeprefix(f"{tmp_path}/") for path in find_images(tmp_path).files]
    assert found == ["a.jpeg", "b/1.JPG", "b/2.png"]
    assert find_images(tmp_path / "notes.txt").files == [str(tmp_path / "notes.txt")]


def test_files_and_folders_are_found_in_the_order_given(tmp_path):
    for name in ("a/2.png", "a/1.png", "b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    given = [tmp_path / "b.png", str(tmp_path / "a"), tmp_path / "a/2.png"]
    found = [path.removeprefix(f"{tmp_path}/") for path in find_images(given).files]
    assert found == ["b.png", "a/1.png", "a/2.png", "a/2.png"]


def test_nothing_to_predict_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="no image file"):
        find_images(tmp_path)
    with pytest.raises(ConfigError, match="neither a file nor a folder"):
        find_images(tmp_path / "absent")
