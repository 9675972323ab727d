"""The command: its words, its tables, and what it passes on."""

import json
import math
import warnings
from dataclasses import fields, is_dataclass

import pytest

from cotrain import training
from cotrain.cli.command import main
from cotrain.cli.words import readable
from cotrain.comparison.accuracy import compare as comparison
from cotrain.config import Experiment
from cotrain.config.recipes import load_recipe, read_recipe

# wide_resnet28_10 for CIFAR-100: params and MACs of the large network and of one of S.
PUBLISHED = {
    1: (36_539_124, 5_243_386_368),
    2: (17_927_508, 2_575_003_392),
    4: (9_162_644, 1_317_747_968),
}


@pytest.fixture
def run(capsys):
    """Run the command with these words and give what it prints."""

    def run_words(*words: str) -> str:
        main(words)
        captured = capsys.readouterr()
        assert captured.err == ""
        return captured.out

    return run_words


@pytest.fixture
def trained(monkeypatch):
    """Replace training by a record of the experiments it is called with."""
    calls = []

    class Done:
        evaluation = None

    def fit(experiment, output, **options):
        calls.append((experiment, str(output), options))
        return Done

    monkeypatch.setattr(training, "fit", fit)
    return calls


class Stop(Exception):  # noqa: N818 - not a fault
    """Ends a command that has been asked the right thing."""


@pytest.fixture
def compared(monkeypatch):
    """Replace the comparison by a record of what it is called with."""
    calls = []

    def compare(experiment, output, **options):
        calls.append((experiment, str(output), options))
        raise Stop

    monkeypatch.setattr(comparison, "compare", compare)
    return calls


@pytest.mark.parametrize(
    "words",
    [
        ("--num-classes", "100", "--weight-decay=1e-3"),
        ("--num_classes", "100", "--weight_decay=1e-3"),
        ("--num-classes=100", "--weight-decay", "0.001"),
    ],
)
def test_flags_have_dashes_or_underscores(run, words):
    (division,) = json.loads(run("divide", "wide_resnet28_10", "--into", "2", *words, "--json"))
    assert division["weight_decay"] == 1e-3
    assert division["divided_weight_decay"] == pytest.approx(1e-3 * math.exp(-0.5))
    assert division["small"]["params"] == PUBLISHED[2][0]


@pytest.mark.parametrize(
    "words",
    [
        ("--json", "wide_resnet28_10", "--into", "1,2,4"),
        ("wide_resnet28_10", "--json", "--into", "1,2,4"),
        ("wide_resnet28_10", "--into=1,2,4", "--json"),
        ("wide_resnet28_10", "--into=1,2,4", "--json", "true"),
        ("wide_resnet28_10", "--into=1,2,4", "--json=true"),
    ],
)
def test_json_has_the_published_numbers_wherever_the_switch_stands(run, words):
    divisions = json.loads(run("divide", *words))
    assert [division["into"] for division in divisions] == [1, 2, 4]
    for division in divisions:
        into, large, small = division["into"], division["large"], division["small"]
        assert (large["params"], large["macs"]) == PUBLISHED[1]
        assert (small["params"], small["macs"]) == PUBLISHED[into]
        assert division["params_ratio"] == pytest.approx(into * small["params"] / large["params"])
        factor = {1: 10, 2: 7, 4: 5}[into]
        assert small["widths"] == [16, 16 * factor, 32 * factor, 64 * factor]


def test_table_has_the_published_numbers(run):
    table = run("divide", "wide_resnet28_10", "--into", "4", "--num-classes", "100")
    (params, macs), (small_params, small_macs) = PUBLISHED[1], PUBLISHED[4]
    assert "wide_resnet28_10 into 4" in table
    rows = {line.split("  ")[0].strip(): line for line in table.splitlines()}
    assert rows["large network"].split()[2:4] == [f"{params:,}", f"{macs:,}"]
    assert rows["one network"].split()[2:4] == [f"{small_params:,}", f"{small_macs:,}"]
    assert rows["all 4"].split()[2:4] == [f"{4 * small_params:,}", f"{4 * small_macs:,}"]
    assert f"x {4 * small_params / params:.3f}" in rows["ratio"]
    assert f"x {4 * small_macs / macs:.3f}" in rows["ratio"]
    assert "0.0005 -> 0.0002362" in " ".join(table.split())
    assert "not equal cost" not in table


def test_table_says_when_the_cost_is_not_equal(run):
    assert "not equal cost: all 8 have" in run("divide", "wide_resnet28_10", "--into", "8")


def test_dropout_is_shown_divided(run):
    assert "dropout 0.1 -> 0.025" in run("divide", "wide_resnet40_10")


def test_train_takes_a_recipe_by_name_and_overrides(run, trained):
    run("train", "--config", "digits", "--epochs", "2", "--optimizer.weight-decay=0", "--output=r")
    experiment = load_recipe("digits", ["--epochs=2", "--optimizer.weight_decay=0"])
    assert trained == [
        (experiment, "r", {"resume": False, "progress": True, "without_best": False})
    ]
    assert experiment.optimizer.weight_decay == 0


def test_what_stands_before_a_recipe_overrides_it_too(run, trained):
    run("train", "--epochs", "2", "--config", "digits", "--views.flip=true", "--output", "r")
    run("train", "--views.flip", "--output", "r", "--config=digits", "--epochs=2")
    assert trained[0] == trained[1]
    assert trained[0][0] == load_recipe("digits", ["--epochs=2", "--views.flip=true"])


@pytest.mark.parametrize("way", [["--views.crop", "none"], ["--views.crop=none"]])
def test_a_word_turns_off_what_a_recipe_says_of_its_views(run, trained, way):
    run("train", "--config", "digits", *way, "--output", "r")
    assert (trained[0][0].views.crop, trained[0][0].views.padding) == ("none", 4)


@pytest.mark.parametrize("network", [["--network", "resnet11,resnet20"], ["--network=a,b"]])
def test_several_networks_say_how_many_they_are(run, trained, network, capsys):
    run("train", "--config", "digits", *network, "--output", "r")
    assert trained[0][0].into == 2
    with pytest.raises(SystemExit):
        main(["train", *network, "--into", "3", "--output", "r"])
    assert "names 2 that are not divided: give into 2" in capsys.readouterr().err
    run("train", "--config", "finetune", *network, "--output", "r")
    assert (trained[1][0].into, trained[1][0].sized_for) == (2, None)


def test_train_takes_a_recipe_by_path(run, trained, tmp_path):
    (tmp_path / "own.yaml").write_text("network: resnet11\noptimizer: {lr: 1e-3}\n")
    run("train", f"--config={tmp_path / 'own.yaml'}", "--output", "r", "--progress=false")
    (experiment, _, options) = trained[0]
    assert (experiment.network, experiment.optimizer.lr) == ("resnet11", 1e-3)
    assert options["progress"] is False


def test_train_resumes_with_the_runs_own_settings(run, trained, tmp_path):
    (tmp_path / "config.yaml").write_text("into: 2\nepochs: 3\n")
    run("train", "--resume", str(tmp_path))
    assert trained == [
        (
            Experiment(into=2, epochs=3),
            str(tmp_path),
            {"resume": True, "progress": True, "without_best": False},
        )
    ]


def test_what_print_config_prints_is_a_recipe(capsys, trained, tmp_path):
    with pytest.raises(SystemExit) as caught:
        main(["train", "--config", "digits", "--epochs", "2", "--print_config"])
    assert caught.value.code == 0
    (tmp_path / "printed.yaml").write_text(capsys.readouterr().out)
    main(["train", "--config", str(tmp_path / "printed.yaml"), "--output", "r"])
    assert trained[0][0] == load_recipe("digits", ["--epochs=2"])


@pytest.mark.parametrize(
    ("words", "sizes", "seeds"),
    [
        ((), (1, 2, 4), (0, 1, 2)),
        (("--into", "1,2", "--seeds", "5"), (1, 2), (5,)),
        (("--into=8",), (8,), (0, 1, 2)),
    ],
)
def test_compare_takes_the_sizes_as_into(compared, words, sizes, seeds):
    with pytest.raises(Stop):
        main(["compare", "--config", "digits", "--output", "r", *words])
    experiment, output, options = compared[0]
    assert (options["into"], options["seeds"], output) == (sizes, seeds, "r")
    assert experiment == load_recipe("digits")


def test_compare_takes_ablations(run, compared):
    for words, expected in (((), ()), (("--ablation", "views,loss"), ["views", "loss"])):
        with pytest.raises(Stop):
            run("compare", "--config", "digits", *words, "--output", "r")
        assert compared.pop()[2]["ablations"] == expected


def switches_that_are(default_value: bool) -> list[str]:
    """The dotted flags of all settings that are on, or off."""
    default = Experiment()
    parts = [("", default)] + [
        (f"{each.name}.", getattr(default, each.name))
        for each in fields(default)
        if is_dataclass(getattr(default, each.name))
    ]
    return [
        f"--{prefix}{each.name}"
        for prefix, record in parts
        for each in fields(record)
        if each.type is bool and getattr(record, each.name) is default_value
    ]


def test_a_switch_alone_means_true(run, trained):
    switches = switches_that_are(False)
    assert "--hardware.compile" in switches
    start = ("--pretrained", "true")  # which settings of fine-tuning need
    run("train", "--output", "r", *start, *(each.replace("_", "-") for each in switches))
    said = [*start, *(f"{switch}=true" for switch in switches)]
    experiment = load_recipe("digits", said)
    made = trained[0][0]
    assert made.hardware == experiment.hardware
    assert made.optimizer.divide_weight_decay
    assert made.data.download
    assert made.views.same_view


def test_a_switch_that_is_on_can_be_named_too():
    switches = switches_that_are(True)
    assert set(switches) == {"--data.scan", "--views.flip", "--co_training.together"}
    assert readable(["train", *switches]) == ["train", *(f"{each}=true" for each in switches)]


DIGITS = json.dumps(read_recipe("digits"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["predict", "a-b", "c-d.png"], ["predict", "a-b", "c-d.png"]),
        (["x", "--a-b", "c-d"], ["x", "--a_b", "c-d"]),
        (["x", "--a-b.c-d=e-f=g-h"], ["x", "--a_b.c_d=e-f=g-h"]),
        (["recipes", "--json"], ["recipes", "--json=true"]),
        (["recipes", "--json", "--y"], ["recipes", "--json=true", "--y"]),
        (["x", "--json", "false"], ["x", "--json", "false"]),
        (["train", "--into", "4"], ["train", "--into", "4"]),
        (["compare", "--into", "4"], ["compare", "--sizes", "4"]),
        (["compare", "--into=4"], ["compare", "--sizes=4"]),
        (["import-checkpoint", "--from", "x"], ["import-checkpoint", "--source", "x"]),
        (["import-checkpoint", "--from=x"], ["import-checkpoint", "--source=x"]),
        (["train", "--from=x"], ["train", "--from=x"]),
        (["train", "--config", "digits"], ["train", "--config", DIGITS]),
        (["train", "--config=digits"], ["train", f"--config={DIGITS}"]),
        (["train", "--x", "1", "--config=digits"], ["train", f"--config={DIGITS}", "--x", "1"]),
    ],
)
def test_words_become_readable_for_the_parser(words, expected):
    assert readable(words) == expected


def test_help_of_a_verb(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["divide", "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "--num_classes" in out
    assert "--print_config[=flags]" in out
    assert "\b" not in out


def test_a_warning_is_a_line_without_a_place_in_the_source(run):
    run("--version")
    said = warnings.formatwarning(UserWarning("a layer\nmore"), UserWarning, "names.py", 73)
    assert said == "cotrain: a layer more\n"
