"""Answers as CSV and JSON: exact numbers, columns for what was asked, the format by the name."""

import csv
import io
import json
from dataclasses import replace

import pytest

from cotrain import ConfigError
from cotrain.ensemble.prediction import LabelProbability, Prediction
from cotrain.evaluation.answer_formats import WRITERS, format_of, to_csv, to_json, to_jsonl

GOOD = Prediction(
    path='a "b", c.png', label="owl", probability=0.75, disagreement=0.25, mutual_information=0
)
BAD = Prediction(path="x.png", error="not an image")


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_reads_back():
    table = rows_of(to_csv([GOOD, BAD]))
    assert table[0]["path"] == GOOD.path
    assert (table[0]["label"], table[0]["probability"], table[0]["error"]) == ("owl", "0.75", "")
    assert (table[1]["label"], table[1]["error"]) == ("", "not an image")


def test_json_reads_back():
    lines = to_jsonl([GOOD, BAD]).splitlines()
    assert [Prediction(**json.loads(line)) for line in lines] == [GOOD, BAD]
    assert [Prediction(**each) for each in json.loads(to_json([GOOD, BAD]))] == [GOOD, BAD]
    assert "top" not in json.loads(lines[0])


def test_what_was_fitted_has_columns_of_its_own():
    row = replace(GOOD, set=("owl", "cat"), abstain=False, signal="entropy", doubt=0.5)
    _, found = rows_of(to_csv([BAD, row]))
    assert list(found)[6:] == ["set", "abstain", "signal", "doubt"]
    assert list(found.values())[6:] == ["owl; cat", "False", "entropy", "0.5"]
    record = json.loads(to_jsonl([row]))
    assert (record["set"], record["abstain"]) == (["owl", "cat"], False)
    assert (record["signal"], record["doubt"]) == ("entropy", 0.5)
    assert "set" not in json.loads(to_jsonl([GOOD]))


def test_what_was_asked_for_has_columns_of_its_own():
    ranked = [
        LabelProbability(label=name, probability=share) for name, share in (("owl", 0.7), ("", 0.3))
    ]
    row = Prediction(
        path="a.png",
        label="owl",
        probability=0.7,
        top=tuple(ranked),
        probabilities={"": 0.3, "owl": 0.7},
    )
    error, found = rows_of(to_csv([BAD, row]))
    assert list(found)[6:] == ["label_2", "probability_2", "probability of ", "probability of owl"]
    assert list(found.values())[6:] == ["", "0.3", "0.3", "0.7"]
    assert list(error.values())[6:] == ["", "", "", ""]
    (record,) = json.loads(to_json([row]))
    assert record["top"][1] == {"label": "", "probability": 0.3}
    assert record["probabilities"] == {"": 0.3, "owl": 0.7}


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1.png", "'=1+1.png"),
        ("+a", "'+a"),
        ("-a", "'-a"),
        ("@a", "'@a"),
        ("\ta", "'\\ta"),
        ("\ra", "'\\ra"),
        ("a=1", "a=1"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("two\nlines", "two\\nlines"),
        ("\udcff", "\\udcff"),
        ("größe 漢", "größe 漢"),
    ],
)
def test_texts_of_others_are_no_formulas_in_csv_and_exact_in_json(text, cell):
    row = Prediction(path=text, label=text, probability=0.5, probabilities={text: -0.5})
    (found,) = rows_of(to_csv([row]))
    assert (found["path"], found["label"], found["probability"]) == (cell, cell, "0.5")
    assert float(list(found.values())[-1]) == -0.5
    assert to_csv([row]).replace("\n", "").isprintable()
    (line,) = json.loads(to_json([row]))
    assert (line["path"], line["label"], line["probabilities"]) == (text, text, {text: -0.5})


@pytest.mark.parametrize("name", WRITERS)
def test_the_name_of_the_output_says_the_format(name):
    assert format_of(None, None) == "table"
    assert format_of(None, name) == name
    assert format_of(f"a.{name.upper()}", None) == name
    assert format_of(f"a.{name}", name) == name
    assert format_of("a.txt", name) == name


@pytest.mark.parametrize(
    ("output", "asked", "message"),
    [
        ("a.txt", None, "does not say its format: call it .csv, .json, .jsonl"),
        ("a.csv", "json", "a.csv is not called .json: leave out --format json"),
        ("a.csv", "table", "--format table is printed"),
    ],
)
def test_formats_that_cannot_be(output, asked, message):
    with pytest.raises(ConfigError, match=message):
        format_of(output, asked)
