"""``cotrain table``: the paper's rows at their exact cost, with runs beside them."""

import json

import pytest

from cotrain.cli.command import main
from cotrain.cli.words import readable
from cotrain.config.recipes import dump_experiment, load_recipe

NAME = "paper/wide_resnet28_10-cifar10-s4"


@pytest.fixture
def run(capsys, monkeypatch):
    """Run ``cotrain table`` with these words and give what it prints."""
    monkeypatch.setenv("COLUMNS", "300")  # temporary folders have long names

    def run_words(*words: str) -> str:
        main(["table", *words])
        captured = capsys.readouterr()
        assert captured.err == ""
        return captured.out

    return run_words


@pytest.fixture
def made(tmp_path):
    """Make the folder of a run that was tested, and give its path."""

    def make(name: str, recipe: str, *overrides: str, top1: float = 0.98) -> str:
        folder = tmp_path / name
        folder.mkdir()
        experiment = load_recipe(recipe, overrides)
        (folder / "config.yaml").write_text(dump_experiment(experiment))
        evaluation = {"ensemble": {"top1": top1}, "images": 10_000}
        (folder / "evaluation.json").write_text(json.dumps(evaluation))
        return str(folder)

    return make


def test_costs_are_exact_and_of_all_networks(run):
    rows = json.loads(run("--network", "wide_resnet28_10", "--dataset=cifar100", "--json"))["rows"]
    assert [(row["into"], row["params"], row["macs"], row["value"]) for row in rows] == [
        (1, 36_539_124, 5_243_386_368, 15.5),
        (2, 2 * 17_927_508, 2 * 2_575_003_392, 14.48),
        (4, 4 * 9_162_644, 4 * 1_317_747_968, 14.26),
    ]
    assert rows[2]["recipe"] == "paper/wide_resnet28_10-cifar100-s4"


def test_accuracies_become_errors_beside_the_published_numbers(run):
    (row,) = json.loads(run("--network", "wide_resnet50_3", "--into", "2", "--json"))["rows"]
    assert (row["metric"], row["value"], row["top5"]) == ("accuracy", 81.42, 95.62)
    assert (row["error"], row["image_size"], row["table"]) == (18.58, 224, "IV")
    assert (row["params"], row["macs"]) == (138_022_224, 25_532_039_168)


def test_one_table_for_each_of_the_papers(run):
    lines = run("--network", "wide_resnet40_10", "--into", "4").splitlines()
    assert [line.strip() for line in lines if line.startswith("Table")] == [
        "Table II: CIFAR-100",
        "Table III: CIFAR-10",
    ]
    rows = [line.split() for line in lines if line.startswith("wide_resnet40_10")]
    small, large = ["56,022,096", "8,102,147,072"], ["55,906,536", "8,102,031,872"]
    assert rows == [
        ["wide_resnet40_10", "4", "300", *small, "13.96"],
        ["wide_resnet40_10", "4", "1800", *small, "13.10"],
        ["wide_resnet40_10", "4", "300", *large, "2.01"],
        ["wide_resnet40_10", "4", "1800", *large, "1.62"],
    ]


def test_a_run_stands_beside_its_row(run, made):
    folder = made("[bold]run", NAME, "--seed=3", "--data.root=x", "--hardware.precision=32-true")
    output = run(folder, "--into", "4", "--dataset=cifar10", "--network", "wide_resnet28_10")
    (usual,) = (line.split() for line in output.splitlines() if " 300 " in line)
    (long,) = (line.split() for line in output.splitlines() if " 1800 " in line)
    assert usual[-2:] == ["2.01", "2.00"]
    assert long[-1] == "1.68"
    assert "*" not in output
    assert "Runs in none" not in output


def test_a_run_with_other_settings_says_which(run, made):
    short = made("short", NAME, "--epochs=30", "--schedule.warmup_epochs=2", top1=0.9312)
    exact = made("exact", NAME, "--epochs=1800", "--co_training.ramp_epochs=80", top1=0.985)
    words = ("--into=4", "--dataset=cifar10", "--network=wide_resnet28_10")
    output = " ".join(run(*words, short, exact).split())
    assert " 2.01 6.88* " in output
    assert " 1.68 1.50* " in output
    usual, long = json.loads(run(*words, "--json", short, exact))["rows"]
    (near,), (far,) = usual["runs"], long["runs"]
    assert near["other_settings"] == {"epochs": 30, "schedule.warmup_epochs": 2}
    assert far["other_settings"] == {"schedule.warmup_epochs": 20}
    assert (near["folder"], near["epochs"], near["images"]) == (short, 30, 10_000)
    assert near["error"] == pytest.approx(6.88)
    assert f"* {short} is not as {NAME}: epochs=30, schedule.warmup_epochs=2" in output


@pytest.mark.parametrize(
    "overrides",
    [
        ["--data.train_images=500"],
        ["--data.test_images=500"],
        ["--data.image_size=64"],
        ["--data.dataset=imagefolder"],
        ["--network=wide_resnet16_8"],
        ["--into=8"],
    ],
)
def test_a_run_of_something_else_is_listed_below(run, made, overrides):
    folder = made("other", NAME, *overrides, top1=0.9)
    words = ("--dataset", "cifar10", "--network", "wide_resnet28_10", folder)
    reproduction = json.loads(run(*words, "--json"))
    assert [row["runs"] for row in reproduction["rows"]] == [[]] * 6
    (other,) = reproduction["other_runs"]
    experiment = load_recipe(NAME, overrides)
    assert (other["network"], other["into"]) == (experiment.network, experiment.into)
    assert other["error"] == pytest.approx(10)
    below = run(*words).partition("Runs in none of these rows")[2].split()
    numbers = [str(experiment.into), experiment.data.dataset, "300", "10,000", "10.00"]
    assert below[-7:] == [folder, experiment.network, *numbers]


def fails(capsys, *words):
    with pytest.raises(SystemExit) as caught:
        main(["table", "--into=4", "--network=wide_resnet16_8", *words])
    captured = capsys.readouterr()
    assert (caught.value.code, captured.out, captured.err.count("\n")) == (2, "", 1)
    return captured.err


def test_a_folder_without_a_tested_run_is_refused(capsys, made, tmp_path):
    assert "nowhere: there is no run: it has no config.yaml" in fails(capsys, "nowhere")
    folder = made("run", NAME)
    (tmp_path / "run/evaluation.json").write_text('{"images": 3}')
    message = fails(capsys, folder)
    assert "evaluation.json is damaged (no 'ensemble'): write it again with" in message
    assert f"cotrain evaluate {folder} --output {folder}/evaluation.json" in message
    (tmp_path / "run/evaluation.json").unlink()
    assert f"finish it with cotrain train --resume {folder}" in fails(capsys, folder)


def test_a_filter_that_finds_nothing_says_what_there_is(capsys):
    assert "dataset='svhn' finds nothing: use one of cifar10, cifar100, imagenet" in fails(
        capsys, "--dataset=svhn"
    )


@pytest.mark.parametrize(
    ("words", "runs", "options"),
    [
        (["a", "b"], ["a", "b"], []),
        (["a", "--into", "4", "b"], ["a", "b"], ["--into", "4"]),
        (["--into=4", "a b"], ["a b"], ["--into=4"]),
        (["--json", "é"], ["é"], ["--json=true"]),
        (["--json", "true", "a"], ["a"], ["--json", "true"]),
    ],
)
def test_plain_words_are_runs(words, runs, options):
    *others, last = readable(["table", *words])
    assert others == ["table", *options]
    assert json.loads(last.removeprefix("--runs=")) == runs


def test_without_plain_words_there_are_no_runs():
    assert readable(["table", "--into", "4"]) == ["table", "--into", "4"]


@pytest.mark.parametrize("verb", ["table", "soup"])
def test_a_folder_whose_name_is_not_utf8_is_refused_in_one_line(capsys, verb):
    with pytest.raises(SystemExit) as error:
        main([verb, "runs/gr\udcf6\udcdfe"])  # latin-1 bytes, as Python has them from the system
    assert error.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line == (
        f"cotrain: {verb} runs/gr\\udcf6\\udcdfe: this name is not UTF-8: rename it, or give a "
        "link to it"
    )
