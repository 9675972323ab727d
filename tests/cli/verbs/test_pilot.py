"""``cotrain plan --pilot``: words, a real pilot of two epochs, and what is refused."""

import json

import pytest
from command import TRAIN

from cotrain.cli.command import main
from cotrain.cli.words import with_pilot

SHORT = tuple(word for place, word in enumerate(TRAIN) if place not in (4, 5))  # without --into


@pytest.mark.parametrize(
    ("words", "read"),
    [
        (["plan", "--pilot", "--into", "1,2"], ["pilot", "--into", "1,2"]),
        (["plan", "--into", "1,2", "--pilot"], ["pilot", "--into", "1,2"]),
        (["plan", "resnet20"], ["plan", "resnet20"]),
        (["train", "--pilot"], ["train", "--pilot"]),
        ([], []),
    ],
)
def test_plan_with_pilot_is_a_verb_of_its_own(words, read):
    assert with_pilot(words) == read


def test_a_pilot_runs_and_leaves_its_record(tmp_path, capsys):
    output = tmp_path / "pilot"
    words = ("--into", "1,2", "--seeds", "0", "--length", "0.5", "--jobs", "1")
    main(["plan", "--pilot", *SHORT, *words, "--output", str(output)])
    out = capsys.readouterr().out
    said = " ".join(out.split())  # whatever the lines are broken at
    assert "1 of 2 epochs" in said
    assert "no test image was used" in said
    assert f"cotrain train --config {output}/recipe.yaml --output {output}-big\n" in out
    record = json.loads((output / "pilot.json").read_text())
    assert [each["name"] for each in record["candidates"]] == ["S=1", "S=2"]
    assert record["seeds"] == [0]
    assert record["extent"]["epochs"] == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("resnet20", "--output", "x"), "'resnet20' is one word too many: see cotrain pilot"),
        (("--num-classes", "3", "--output", "x"), "--num_classes is not known"),
        (("--config", "digits"), "--output is missing"),
        (("--into", "4", "--output", "x"), "into=[4]: give at least 2, each once"),
    ],
)
def test_what_is_wrong_is_one_line(words, message, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["plan", "--pilot", *words])
    captured = capsys.readouterr()
    assert caught.value.code == 2
    assert captured.err.startswith(f"cotrain: {message}")
    assert captured.err.count("\n") == 1
