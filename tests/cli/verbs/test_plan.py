"""``cotrain plan``: a table or JSON, and what is refused."""

import json

import pytest

from cotrain.cli.command import main

NETWORK = ("basic_resnet8_8", "--image-size", "8", "--num-classes", "2", "--tolerance", "0.2")


def test_the_rows_are_printed_or_written(capsys, tmp_path):
    file = tmp_path / "plan.json"
    main(["plan", *NETWORK, "--into", "2", "--output", str(file)])
    out = capsys.readouterr().out
    assert "2. divided into 2, fresh" in out
    assert "--image_size" not in out
    record = json.loads(file.read_text())
    assert [each["kind"] for each in record["alternatives"]] == [
        *("large", "divided", "taught", "inherited")
    ]
    main(["plan", *NETWORK, "--into", "2", "--json"])
    assert json.loads(capsys.readouterr().out) == record


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*NETWORK, "--into", "1"), "into=1 is the large network itself"),
        ((*NETWORK, "--into", "a"), "into='a' is not a list of whole numbers"),
        ((*NETWORK, "--device", "cpu"), "device='cpu' would be ignored: give --time too"),
        ((*NETWORK, "--by", "time"), "--by time is not"),
        ((*NETWORK, "--output", ""), "--output '' is empty"),
        (("basic_resnet8_8",), "--num_classes is missing"),
    ],
)
def test_what_is_wrong_is_one_line(words, message, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["plan", *words])
    captured = capsys.readouterr()
    assert caught.value.code == 2
    assert captured.err.startswith(f"cotrain: {message}")
    assert captured.err.count("\n") == 1
