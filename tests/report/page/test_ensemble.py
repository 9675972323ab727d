"""The page of a run holds the numbers of its records, and its images while they are there."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from html_pages import Node, check_whole, read_html
from reported import CLASSES, odd_run
from training_runs import tiny

from cotrain import divide
from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.cli import main
from cotrain.config import Data
from cotrain.data import read_record
from cotrain.ensemble import load_shipped
from cotrain.evaluation.evaluate import evaluate_ensemble
from cotrain.evaluation.images import images_to_test
from cotrain.networks.registry import named_spec
from cotrain.report.page.answered import Answered, TrainedRun, answer, open_run
from cotrain.report.page.ensemble import ensemble_page
from cotrain.report.page.rendering import html_of


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return odd_run(tmp_path_factory.mktemp("odd"))


@pytest.fixture(scope="module")
def page(run: Path) -> Node:
    return read_html(html_of(ensemble_page(open_run(run))))


def rows_of(page: Node, head: str) -> list[list[str]]:
    """The rows of the one table that has this column."""
    [table] = [each for each in page.all("table") if head in each.rows()[0]]
    return table.rows()[1:]


def test_it_is_whole(page):
    check_whole(page)
    titles = [each.text for each in page.all("h2")]
    assert titles == [
        "How good the answers are",
        "What it costs",
        "How training went",
        "How far it can be trusted",
        "Class by class",
        "Images",
    ]


def test_its_numbers_are_those_of_the_evaluation(page, run):
    record = json.loads((run / "evaluation.json").read_text())
    scores = [*record["networks"], record["ensemble"]]
    shown = [row[1:] for row in rows_of(page, "top-1 %")]
    assert shown == [
        [
            f"{each['top1'] * 100:.2f}",
            "-",
            *(f"{each[name]:.4f}" for name in ("nll", "brier", "ece")),
        ]
        for each in scores
    ]
    verdict = page.all("section")[0].text
    assert f"2 networks together answer {100 * record['ensemble']['top1']:.2f} %" in verdict
    assert f"of {record['images']} images right" in verdict
    assert f"off by {100 * record['ensemble']['ece']:.2f} points" in verdict
    matrix = next(each for each in page.all("table") if each.attributes["class"] == "matrix")
    counts = [[int(cell or 0) for cell in row[1:]] for row in matrix.rows()[1:]]
    assert counts == record["by_class"]["confusion_matrix"]
    assert [row[0] for row in rows_of(page, "recall %")] == [
        each["label"] for each in record["by_class"]["classes"]
    ]


def test_odd_names_are_shown_as_they_are(page):
    names = [row[0] for row in rows_of(page, "recall %")]
    assert sorted(names) == sorted(CLASSES)
    files = {each.text for each in page.all("p") if each.attributes.get("class") == "name"}
    assert files
    assert all(name.endswith(" & <b>.png") and "it's \"" in name for name in files)


def test_the_gallery_has_the_votes_of_every_network(page, run):
    images = [each for each in page.all("li") if each.all("img")]
    assert images
    assert len(images) <= 24
    voters = [row[0] for row in images[0].all("table")[0].rows()[1:]]
    assert voters == ["ensemble", "network 0", "network 1"]


def test_calibration_is_shown_beside_what_was_before(run):
    main(["calibrate", str(run), "--coverage", "0.5"])
    page = ensemble_page(open_run(run))
    [reliability] = [each for each in page.pictures if each.name == "reliability"]
    calibrated = any("before calibration" in said for said in page.verdict)
    assert calibrated == ("not calibrated" in reliability.alt)


def test_without_its_images_and_metrics_it_goes_on(run):
    (run.parent / "images").rename(run.parent / "moved")
    metrics = (run / "metrics.csv").read_bytes()
    (run / "metrics.csv").unlink()
    try:
        page = ensemble_page(open_run(run))
    finally:
        (run.parent / "moved").rename(run.parent / "images")
        (run / "metrics.csv").write_bytes(metrics)
    sections = {each.title: each for each in page.sections}
    assert "images' is not a folder" in sections["Images"].says[0]
    assert not sections["Images"].galleries
    assert not sections["How training went"].pictures
    assert "no metrics.csv" in sections["How training went"].says[0]


def test_a_run_that_was_not_tested_is_refused(run):
    predictions = run / "predictions.safetensors"
    content = predictions.read_bytes()
    predictions.unlink()
    with pytest.raises(ConfigError, match=r"test again with cotrain train --resume"):
        ensemble_page(open_run(run))
    predictions.write_bytes(content)


def test_many_classes_have_their_worst_pairs_and_no_matrix(tmp_path):
    classes, images = 100, 600
    spec = named_spec("basic_resnet8_4", num_classes=classes, image_size=8)
    ensemble = divide(spec, 2)
    targets = torch.arange(images) % classes
    logits = torch.nn.functional.one_hot((targets + (targets == 7)) % classes).float()
    run = Answered(
        ensemble=ensemble,
        logits=logits.expand(2, -1, -1) * 5,
        targets=targets,
        dataset="digits",
        tested_on="val",
        run=TrainedRun(folder=RunFolder(tmp_path), experiment=tiny()),
    )
    page = ensemble_page(run)
    assert any("have selected the checkpoint" in said for said in page.verdict)
    classes_of = next(each for each in page.sections if each.title == "Class by class")
    assert not classes_of.matrices
    pairs, by_class = classes_of.tables
    assert [row.cells for row in pairs.rows if row] == [[["7"], ["8"], ["6"], ["100.0"]]]
    assert len(by_class.rows) == classes
    assert len(html_of(page)) < 2**19


def test_an_ensemble_of_no_run_has_a_page_of_the_images_that_it_answers(run, tmp_path):
    shutil.copytree(run / "ensemble", tmp_path / "mine")
    data = Data(dataset="imagefolder", root=str(run.parent / "images"))
    answered = answer(tmp_path / "mine", data)
    page = ensemble_page(answered)
    assert [each.title for each in page.sections] == [
        "How good the answers are",
        "What it costs",
        "How far it can be trusted",
        "Class by class",
        "Images",
    ]
    ensemble = load_shipped(tmp_path / "mine")
    images = images_to_test(tmp_path / "mine", ensemble, data)
    found = evaluate_ensemble(ensemble, images, batch_size=64).evaluation
    assert f"answer {100 * found.ensemble.top1:.2f} % of {found.images} images" in page.verdict[0]
    assert found.images == 96
    assert page.title == "basic_resnet8_4 into 2 on imagefolder"
    assert page.footer.startswith("Ensemble mine, answering imagefolder in ")
    [said] = page.sections[-1].says
    assert "is not known: the training images are not here" in said
    assert page.sections[-1].galleries
    check_whole(read_html(html_of(page)))


def test_what_the_run_has_trained_on_is_said_of_other_images(run, tmp_path):
    shutil.copytree(run.parent / "images", tmp_path / "images")
    record = read_record(run / "split.jsonl")
    assert record is not None
    (tmp_path / "images" / record.parts["test"].names[0]).unlink()  # so they are others
    data = Data(dataset="imagefolder", root=str(tmp_path / "images"))
    said = ensemble_page(answer(run, data)).verdict
    trained_on = len(record.parts["train"].names)
    assert f"Note: {trained_on} of these images were trained on" in " ".join(said)
