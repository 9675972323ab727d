"""``cotrain recipes`` lists every recipe, filters, and puts the published error beside it."""

import json

import pytest

from cotrain.basics.errors import ConfigError
from cotrain.cli.command import main
from cotrain.comparison.paper.listing import describe_recipes, rows_with
from cotrain.config.recipes import list_recipes, load_recipe, recipe_text


@pytest.fixture
def run(capsys):
    """Run ``cotrain recipes`` with these words and give what it prints."""

    def run_words(*words: str) -> str:
        main(["recipes", *words])
        captured = capsys.readouterr()
        assert captured.err == ""
        return captured.out

    return run_words


def names(output: str) -> list[str]:
    return [row["name"] for row in json.loads(output)]


def test_every_recipe_is_listed_in_the_order_of_the_papers_tables(run):
    listed = names(run("--json"))
    assert sorted(listed) == list_recipes()
    assert listed[0] == "paper/resnet110-cifar100-s1"
    assert [name.startswith("paper/") for name in listed] == [True] * 72 + [False] * 6


def test_filters_leave_what_has_all_the_values(run):
    assert names(run("--network", "wide_resnet28_10", "--into=4", "--json")) == [
        "paper/wide_resnet28_10-cifar100-s4",
        "paper/wide_resnet28_10-cifar10-s4",
        "paper/wide_resnet28_10-cifar10-s4-1800",
    ]
    words = ("--network=wide_resnet28_10", "--into", "4", "--dataset", "cifar100", "--json")
    assert json.loads(run(*words)) == [
        {
            "name": "paper/wide_resnet28_10-cifar100-s4",
            "network": "wide_resnet28_10",
            "into": 4,
            "dataset": "cifar100",
            "epochs": 300,
            "published_error": 14.26,
        }
    ]


def test_recipes_that_are_not_the_papers_have_no_published_error(run):
    assert json.loads(run("--dataset", "digits", "--json")) == [
        {
            "name": "digits",
            "network": "basic_resnet",
            "into": 4,
            "dataset": "digits",
            "epochs": 60,
            "published_error": None,
        }
    ]


def test_the_table_shows_a_row_a_recipe_and_how_to_run_it(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    lines = [line.split() for line in run("--dataset", "imagenet").splitlines()]
    rows = [line for line in lines if line and line[0].startswith("paper/")]
    assert len(rows) == 10
    name = "paper/wide_resnet50_2-imagenet-s2"
    assert [name, "wide_resnet50_2", "2", "imagenet", "120", "20.36"] in rows  # 100 - 79.64
    name = "paper/se_resnext101_64x4d-imagenet-s2-350"
    assert [name, "se_resnext101_64x4d", "2", "imagenet", "350", "16.40"] in rows
    assert lines[-3][2:] == ["cotrain", "train", "--config", "NAME", "--output", "FOLDER"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--into", "3"), "into=3 finds nothing: use one of 1, 2, 4"),
        (("--dataset=mnist",), "dataset='mnist' finds nothing: use one of cifar10, cifar100, digi"),
        (("--network", "resnet50", "--dataset", "cifar10"), "with dataset='cifar10': use one of p"),
        (("--into=4", "--network=wide_resnet50_2"), "into=4 finds nothing with network='wide_res"),
    ],
)
def test_a_filter_that_finds_nothing_is_one_line_with_the_values_there_are(capsys, words, message):
    with pytest.raises(SystemExit) as caught:
        main(["recipes", *words])
    captured = capsys.readouterr()
    assert (caught.value.code, captured.out, captured.err.count("\n")) == (2, "", 1)
    assert message in captured.err


@pytest.mark.parametrize("name", ["digits", "paper/resnet110-cifar100-s4"])
def test_a_recipe_is_printed_as_a_file_to_edit(run, tmp_path, name):
    printed = run(name)
    assert printed == recipe_text(name)
    (tmp_path / "own.yaml").write_text(printed.replace("into: 4", "into: 2"))
    assert load_recipe(tmp_path / "own.yaml") == load_recipe(name, ["--into=2"])


@pytest.mark.parametrize("words", [["--into=4"], ["--json"], ["cifar10-small"]])
def test_with_a_recipe_to_print_goes_nothing_else(capsys, words):
    with pytest.raises(SystemExit) as caught:
        main(["recipes", "digits", *words])
    captured = capsys.readouterr()
    assert (caught.value.code, captured.out, captured.err.count("\n")) == (2, "", 1)
    assert "cotrain recipes NAME prints that recipe: give one, and nothing else" in captured.err


def test_what_is_not_wanted_filters_nothing():
    rows = describe_recipes()
    assert rows_with(rows, dataset=None, into=None) == rows
    assert rows_with(rows, into=1) == [row for row in rows if row.into == 1]
    with pytest.raises(ConfigError, match=r"^epochs=5 finds nothing: use one of 20, 30, 60, 120,"):
        rows_with(rows, epochs=5)
