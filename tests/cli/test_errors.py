"""What a user gets wrong is one line on stderr and exit code 2, no traceback."""

import pytest

from cotrain import training
from cotrain.basics.errors import ConfigError, Interrupted
from cotrain.cli import command as cli
from cotrain.cli.command import main
from cotrain.cli.verbs.arguments import checked_device, numbers, whole_numbers
from cotrain.comparison.accuracy import compare as comparison


@pytest.fixture
def fails(capsys, monkeypatch):
    """Run the command with these words, which train nothing, and give its one line of error."""
    monkeypatch.delattr(training, "fit")
    monkeypatch.delattr(comparison, "compare")

    def run_words(*words: str) -> str:
        with pytest.raises(SystemExit) as caught:
            main(words)
        captured = capsys.readouterr()
        assert caught.value.code == 2
        assert captured.out == ""
        assert captured.err.startswith("cotrain: ")
        assert captured.err.count("\n") == 1
        return captured.err

    return run_words


# Python's module `this` prints when it is imported, and the command here must print nothing.
CODE = '{"class_path": "this.s", "init_args": {}}'


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("divide", "wide_resnet2810"), "network='wide_resnet2810' is not known: did you mean"),
        (("divide", "wide_resnet29_10"), "depth 29 is not 6n+4: the nearest is 28"),
        (("divide", "wide_resnet28_10", "--into", "0"), "into=0 is not a whole number of at least"),
        (("divide", "wide_resnet28_10", "--into", "9" * 20), "9 is above 1024: give fewer"),
        (("divide", "wide_resnet28_10", "--num-classes", "0"), "num_classes=0 is not in [2, "),
        (("divide", "wide_resnet28_10", "--into=-1"), "into=-1 is not a whole number of at least"),
        (("divide", "wide_resnet28_10", "--into", "2.5"), "into='2.5' is not a list of whole"),
        (("divide", "wide_resnet28_10", "--into", "2,2"), "into='2,2' names a number twice"),
        (("divide", "resnext29_8x64d", "--into", "3"), "the nearest that works is into=4"),
        (("divide", "wide_resnet10_2", "--into", "64"), "the nearest that works is into=11"),
        (("divide", "resnet110", "--into", "3"), "the nearest that works is into=4"),
        (("divide", "resnet110", "--num-classes", "many"), "num_classes"),
        (("divide", "resnet110", "--image-size", "7"), "image_size=7 is not in [8, 4096]"),
        (("divide", "resnet110", "--dataset", "mnist"), "dataset='mnist'"),
        (("divide", "resnet110", "--weight-decay", "nan"), "weight_decay"),
        (("divide", "timm:resnet18", "--network-options", '{"num_classes": 5}'), "is no option"),
        (("divide", "timm:resnet18", "--network-options.image-size=64"), "image_size is no option"),
        (("divide", "resnet110", "--network-options", CODE), "names code to run"),
        (("train", "--output", "x", "--optimizer.options", CODE), "names code to run"),
        (("train", "--output", "x", "--optimizer", CODE), "Importing 'this.s' is not allowed"),
        (("evaluate", "nonexistent", "--data", CODE), "Importing 'this.s' is not allowed"),
        (("divide",), "NETWORK is missing: see cotrain divide --help"),
        (("predict",), "ENSEMBLE is missing: see cotrain predict --help"),
        (("predict", "run"), "IMAGES is missing: see cotrain predict --help"),
        (("divide", "resnet110", "--bogus", "1"), "--bogus"),
        (("bogus",), "'bogus' is no verb of cotrain"),
        (("train", "--config", "digitz", "--output", "x"), "did you mean digits?"),
        (("compare", "--config=digitz", "--output", "x"), "did you mean digits?"),
        (("train", "--config", "digits"), "train needs --output FOLDER"),
        (("train", "--config"), "--config: expected one argument"),
        (("train", "--config", "digits", "--output", "x", "--epochz=1"), "--epochz is not known"),
        (("train", "--output", "x", "--optimizer.lr", "nan"), "optimizer.lr"),
        (("train", "--output", "x", "--into", "0"), "into=0 is not in [1, 1024]"),
        (("train", "--resume", "nonexistent"), "there is no run: it has no config.yaml"),
        (("evaluate", "nonexistent"), "nonexistent is not an ensemble: it has no spec.json"),
        (("predict", "nonexistent", "x.png"), "nonexistent is not an ensemble"),
        (("evaluate", "nonexistent", "--combine", "median"), "combine"),
    ],
)
def test_errors_are_one_line(fails, words, message):
    assert message in fails(*words)


def test_a_run_keeps_its_settings(fails, tmp_path):
    (tmp_path / "config.yaml").write_text("epochs: 3")
    message = fails("train", "--resume", str(tmp_path), "--into", "2", "--hardware.devices", "2")
    assert "keeps the run's own settings: give no others, but for --hardware.devices, " in message


@pytest.mark.parametrize("verb", ["train", "compare"])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bogus: 1", "'bogus'"),
        (f"network_options: {{x: {CODE}}}", "network_options.x.class_path names code to run"),
        ("into: &a [*a]", "own.yaml: *a is an alias"),
        ("into: 2\ninto: 4", "own.yaml: into is given twice"),
        ("seed: " + "9" * 5000, "a number has 5,000 digits"),
        ("schedule: 7", "schedule=7 is not a group of settings"),
        ("optimizer: {lrr: 1}", "lrr"),
        ("epochs: many", "epochs"),
        ("optimizer: {lr: .nan}", "optimizer.lr"),
        ("network: [unclosed", "own.yaml is not YAML"),
        ("just text", "own.yaml holds no settings"),
        ("", "own.yaml holds no settings"),
    ],
)
def test_a_bad_recipe_is_one_line(fails, tmp_path, verb, text, message):
    path = tmp_path / "own.yaml"
    path.write_text(text)
    assert message in fails(verb, "--config", str(path), "--output", str(tmp_path / "run"))


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ConfigError("two\nlines"), 2, "cotrain: two lines\n"),
        (KeyboardInterrupt(), 130, "cotrain: interrupted\n"),
        (Interrupted("saved", 15), 143, "cotrain: saved\n"),
    ],
)
def test_exit_codes(monkeypatch, capsys, error, code, line):
    def raises():
        raise error

    monkeypatch.setitem(cli.VERBS, "recipes", raises)
    with pytest.raises(SystemExit) as caught:
        main(["recipes"])
    assert caught.value.code == code
    assert capsys.readouterr().err == line


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("1,2,4", (1, 2, 4)), (4, (4,)), ("8", (8,)), ("-1", (-1,)), ("1, 2", (1, 2))],
)
def test_whole_numbers(text, numbers):
    assert whole_numbers("into", text) == numbers


@pytest.mark.parametrize(
    ("text", "expected"), [("0,0.1, 2", (0, 0.1, 2)), (0.5, (0.5,)), ("1e-3,-1", (0.001, -1))]
)
def test_numbers(text, expected):
    assert numbers("sweep", text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "sweep='a' is not a list of numbers: try 0,0.1,0.5"),
        ("1,,2", "is not a list of numbers"),
        ("0,0.0", "sweep='0,0.0' names a number twice"),
    ],
)
def test_what_is_no_list_of_numbers(text, message):
    with pytest.raises(ConfigError) as error:
        numbers("sweep", text)
    assert message in str(error.value)


@pytest.mark.parametrize("text", ["", "a", "1;2", "1,,2", "1.0"])
def test_what_is_no_list_of_whole_numbers(text):
    with pytest.raises(ConfigError, match=f"seeds='{text}' is not a list of whole numbers"):
        whole_numbers("seeds", text)


def test_an_unknown_device_is_refused_in_one_line():
    assert checked_device("cpu") == "cpu"
    with pytest.raises(ConfigError, match=r"^device='tpu': .*: use cpu$"):
        checked_device("tpu")
