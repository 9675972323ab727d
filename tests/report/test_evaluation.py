"""Tables hold the numbers of an evaluation and of predictions."""

from dataclasses import replace

import torch
from assembled import lively, mixed
from tables import check_fits, printed

from cotrain.ensemble.prediction import LabelProbability, Prediction
from cotrain.evaluation.by_class import scores_by_class
from cotrain.evaluation.scores import evaluate_logits
from cotrain.report.evaluation import class_table, evaluation_table, prediction_table


def test_evaluation_table_has_a_row_for_each_network_and_the_ensemble():
    logits = torch.tensor([[[2.0, 0.0], [0.0, 1.0]], [[2.0, 0.0], [1.0, 0.0]]])
    evaluation = evaluate_logits(logits, torch.tensor([0, 1]))
    text = printed(evaluation_table(evaluation, lively("basic_resnet8_4", into=2).spec))
    rows = {line[:11].strip(): line.split() for line in text.splitlines()}
    assert rows["network 0"][2:4] == ["100.00", "-"]
    assert rows["network 1"][2] == "50.00"
    assert rows["ensemble"][3] == f"{evaluation.ensemble.nll:.4f}"
    assert "disagree on 50.00%" in text


def test_networks_that_differ_are_named_by_what_they_are():
    evaluation = evaluate_logits(torch.randn(3, 4, 3), torch.tensor([0, 1, 2, 0]))
    lines = printed(evaluation_table(evaluation, mixed()[2].spec)).splitlines()
    rows = [line.split()[:3] for line in lines if "network" in line[:10]]
    assert rows == [
        ["network", "0:", "basic_resnet8_8"],
        ["network", "1:", "basic_resnet8_8"],
        ["network", "2:", "basic_resnet14_4"],
    ]


def test_class_table_has_a_row_a_class_and_names_the_largest_confusions():
    answers, targets = torch.tensor([0, 1, 1, 0, 1, 1]), torch.tensor([0, 0, 0, 1, 1, 1])
    table = class_table(scores_by_class(answers, targets, ["[owl]", "cat", "dog"]))
    text = printed(table)
    rows = [line.split() for line in text.splitlines()[2:5]]
    assert rows[0] == ["[owl]", "3", "33.33", "50.00", "40.00"]
    assert rows[1] == ["cat", "3", "66.67", "50.00", "57.14"]
    assert rows[2] == ["dog", "0", "-", "-", "-"]
    caption = " ".join(text.splitlines()[5:])
    assert "the mean of the recalls: 50.00%" in caption
    check_fits(table)
    assert "[owl] for cat (2 of 3), cat for [owl] (1 of 3)" in " ".join(caption.split())


def test_prediction_table_shows_numbers_and_reasons():
    rows = [
        Prediction(
            path="[a].png", label="owl", probability=0.75, disagreement=0.25, mutual_information=0.1
        ),
        Prediction(path="x.png", error="not an image"),
    ]
    lines = printed(prediction_table(rows)).splitlines()
    assert lines[-2].split() == ["[a].png", "owl", "0.7500", "0.2500", "0.1000"]
    assert lines[-1].split() == ["x.png", "not", "an", "image"]


def test_prediction_table_shows_what_was_fitted():
    row = Prediction(
        path="a.png", label="owl", probability=0.75, disagreement=0.25, mutual_information=0.1
    )
    sure = replace(row, set=("owl",), abstain=False, signal="entropy", doubt=0.4)
    names = ("owl", "cat", "dog", "ant", "bee")
    unsure = replace(sure, set=names, abstain=True, doubt=1.25)
    table = prediction_table([Prediction(path="x.png", error="not an image"), sure, unsure])
    check_fits(table)
    lines = printed(table, width=100).splitlines()
    assert lines[-3].split()[1:] == ["owl", "0.7500", "0.2500", "0.1000", "owl", "no", "0.4000"]
    assert lines[-2].split()[5:] == ["owl,", "cat,", "dog", "and", "2", "more", "yes", "1.2500"]
    assert lines[-1] == "What tells wrong answers best here: entropy."
    shown = prediction_table([replace(row, signal="disagreement", doubt=0.25)])
    assert printed(shown).splitlines()[-2].split()[1:] == ["owl", "0.7500", "0.2500", "0.1000"]


def test_tables_fit_every_width():
    logits = torch.randn(3, 10, 7, generator=torch.Generator().manual_seed(0))
    evaluation = evaluate_logits(logits, torch.arange(10) % 7)
    check_fits(evaluation_table(evaluation, mixed()[2].spec))
    top = tuple(
        LabelProbability(label=name, probability=0.5) for name in ("great white shark", "owl")
    )
    shark = Prediction(
        path="photos/new/of a long name.png",
        label="great white shark",
        probability=0.5,
        disagreement=0.25,
        mutual_information=0.125,
    )
    rows = [
        shark,
        replace(shark, path="a.png", top=top),
        Prediction(path="b.png", error="grey as floats from 0 to 65535, where 0 is black"),
    ]
    check_fits(prediction_table(rows))
    assert "great white shark\n" in printed(prediction_table(rows), 40)
