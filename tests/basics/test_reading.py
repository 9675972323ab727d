"""Files of others are read within limits, or refused in one line that names them."""

import os

import pytest

from cotrain import ConfigError
from cotrain.basics.reading import parse_json, parse_yaml, read_bytes, read_json, read_text


@pytest.fixture
def file(tmp_path):
    """Write a file and give its path."""

    def write(content: bytes):
        (tmp_path / "file").write_bytes(content)
        return tmp_path / "file"

    return write


def read_yaml(path):
    return parse_yaml(read_text(path), str(path))


def refusal(read, *arguments) -> str:
    with pytest.raises(ConfigError) as caught:
        read(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_values(file):
    assert read_json(file(b'{"a": [1, 2.5, "\\u00e9", null]}')) == {"a": [1, 2.5, "é", None]}
    assert read_yaml(file("a: [1, 2.5, é, null]".encode())) == {"a": [1, 2.5, "é", None]}
    assert parse_json(b"[1e-3]", "it") == parse_json("[1e-3]", "it") == [0.001]


@pytest.mark.parametrize("text", ['{"a": 1}'.encode("utf-16"), '{"a": "é"}'.encode("latin-1")])
def test_other_encodings_are_named(file, text):
    path = file(text)
    for read in (read_text, read_json, read_yaml):
        assert refusal(read, path).startswith(f"{path} is no text in UTF-8 (invalid ")
    assert refusal(parse_json, text, "it").startswith("it is no text in UTF-8")


@pytest.mark.parametrize("read", [read_json, read_yaml])
@pytest.mark.parametrize("content", [b"\x00\x01", b"{", b'{"a": 1}}'])
def test_damage_is_named(file, read, content):
    kind = "JSON" if read is read_json else "YAML"
    assert f"file is not {kind}: " in refusal(read, file(content))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"a": 1, "a": 2}', "a is given twice"),
        (b"9" * 5000, "a number has 5,000 digits"),
        (b"[" * 100_000, "levels"),
        (b'{"a": {"class_path": "os.system"}}', "a.class_path names code to run"),
        (b'{"a": 1e999}', "a=inf is not finite"),
    ],
)
@pytest.mark.parametrize("read", [read_json, read_yaml])
def test_what_is_too_much_is_named(file, read, content, problem):
    path = file(content)
    message = refusal(read, path)
    assert message.startswith(f"{path}: ")
    assert problem in message


def test_json_has_no_infinity(file):
    assert "=nan is not finite" in refusal(read_json, file(b"[NaN]"))
    assert "=-inf is not finite" in refusal(read_json, file(b"[-Infinity]"))


def test_another_name_may_be_told(file):
    assert refusal(parse_yaml, "{", "--config x").startswith("--config x is not YAML: ")


def test_a_file_that_is_too_large_is_not_read(file):
    assert "more than 262,144 characters" in refusal(read_yaml, file(b" " * 2**18 + b"1"))
    assert "is larger than 16,777,216 bytes" in refusal(read_json, file(b" " * 2**24 + b"1"))
    assert read_bytes(file(b"1234"), 4) == b"1234"
    assert "is larger than 3 bytes" in refusal(read_bytes, file(b"1234"), 3)


def test_what_is_no_regular_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "none", tmp_path / ("x" * 300)):
        assert refusal(read_json, path) in (
            f"{path} is no file: give one",
            f"{path} cannot be read (File name too long): give another file",
        )
