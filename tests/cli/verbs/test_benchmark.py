"""``cotrain benchmark`` from its words to its output, and what a user gets wrong."""

import json

import pytest

from cotrain.basics.errors import ConfigError
from cotrain.cli.command import main
from cotrain.cli.verbs.arguments import some_of
from cotrain.cli.words import readable
from cotrain.comparison import speed as benchmarking
from cotrain.comparison.speed import benchmarking as running

WORDS = ["benchmark", "basic_resnet8_4", "--image-size", "8", "--execution=loop", "--batch", "2"]


@pytest.fixture
def no_processes(monkeypatch):
    """The ceiling of processes is not possible, so that none are started."""

    class Refused:
        def __init__(self, work):
            self.work = work

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def prepare(self, case, image_shape):
            raise ConfigError("processes: not in this test")

    monkeypatch.setattr(running, "Processes", Refused)


def test_tables_and_notes_are_printed(capsys, no_processes):
    main([*WORDS, "--into", "2", "--rounds", "2", "--acceleration", "none"])
    text = capsys.readouterr().out
    assert "batch 2" in text
    lines = [line.split() for line in text.splitlines()]
    for name in ("S=1", "S=2"):
        assert lines[lines.index([name]) + 1][:2] == ["loop,", "none"]
    assert "not possible for S=2: processes: not in this test." in text


def test_json_and_the_folder_hold_the_same(capsys, no_processes, tmp_path):
    main([*WORDS, "--into=2", "--rounds=1", "--json", "--output", str(tmp_path)])
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "benchmark.json").read_text())
    assert {row["case"]["level"] for row in printed["rows"]} == {"none", "light"}
    assert (tmp_path / "benchmark.png").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "nothing to measure: name a network, a run folder or an exported file"),
        (["basic_resnett8_4"], "network='basic_resnett8_4' is not known: did you mean"),
        (["no/where"], "no/where is not an ensemble: it has no spec.json"),
        (["basic_resnet8_4", "--batch", "0"], "batch=0 is below 1"),
        (["basic_resnet8_4", "--batch", "1,x"], "batch='1,x' is not a list of whole numbers"),
        (["basic_resnet8_4", "--into", "0"], "into=0 is not a whole number of at least 1"),
        (["basic_resnet8_4", "--rounds", "0"], "rounds=0 is below 1"),
        (["basic_resnet8_4", "--device", "tpu"], "device='tpu': "),
        (["basic_resnet8_4", "--execution", "lop"], "execution='lop' is not known: use all, or"),
        (["basic_resnet8_4", "--acceleration", "x"], "acceleration='x' is not known"),
    ],
)
def test_what_is_wrong_is_one_line(capsys, words, message):
    with pytest.raises(SystemExit) as caught:
        main(["benchmark", *words])
    captured = capsys.readouterr()
    assert (caught.value.code, captured.out) == (2, "")
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_a_damaged_folder_is_one_line(capsys, tmp_path):
    (tmp_path / "spec.json").write_text("{")
    with pytest.raises(SystemExit) as caught:
        main(["benchmark", str(tmp_path)])
    assert caught.value.code == 2
    assert "spec.json is not JSON" in capsys.readouterr().err


def test_plain_words_are_targets():
    assert readable(["benchmark", "a", "--into", "1,2", "b"]) == [
        "benchmark",
        "--into",
        "1,2",
        '--targets=["a", "b"]',
    ]


def test_some_of_a_list():
    assert some_of("execution", "all", ("loop", "threads"), extra=("auto",)) == ("loop", "threads")
    assert some_of("execution", "auto,all", ("loop",), extra=("auto",)) == ("auto", "loop")
    assert some_of("execution", "auto, loop,auto", ("loop",), extra=("auto",)) == ("auto", "loop")
    with pytest.raises(ConfigError, match="execution='' is not known"):
        some_of("execution", "", ("loop",))


def test_help_names_every_strategy(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["benchmark", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert caught.value.code == 0
    levels = (*benchmarking.EXACT_LEVELS, *benchmarking.HALF_LEVELS)
    for word in (*benchmarking.STRATEGIES, "auto", *levels):
        assert word in text
