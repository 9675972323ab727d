"""YAML is read as plain values, numbers as people write them, and nothing in it grows or runs."""

import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cotrain import ConfigError
from cotrain.basics.plain_yaml import dump_yaml, load_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("1e3", 1000.0),
        ("-1.5E+4", -15000.0),
        (".5e1", 5.0),
        ("0.1", 0.1),
        ("7", 7),
        ("on", True),
        ("null", None),
        ("2020-01-01", "2020-01-01"),
        ("e3", "e3"),
        ("'1e-3'", "1e-3"),
        ("64: 32", {64: 32}),
        ("a: [1, {b: 2}]", {"a": [1, {"b": 2}]}),
    ],
)
def test_values(text, value):
    assert load_yaml(text) == value
    assert type(load_yaml(text)) is type(value)
    assert load_yaml(dump_yaml(value)) == value


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text() | st.floats(-1e9, 1e9),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3),
    max_leaves=8,
)


@given(PLAIN)
def test_what_is_written_is_read_back(value):
    assert load_yaml(dump_yaml(value)) == value


def test_what_stands_twice_is_written_twice():
    shared = [1, 2]
    assert load_yaml(dump_yaml({"a": shared, "b": shared})) == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x [1]\nb: *x", r"\*x is an alias: write out"),
        ("&x [*x]", r"\*x is an alias: write out"),
        ("a: &x {b: 1}\nc: {<<: *x}", r"\*x is an alias: write out"),
        ("!!python/name:os.system x", r"python/name:os.system is a tag, which is refused"),
        ("!!binary aGk=", "binary is a tag"),
        ("!!set {a}", "set is a tag"),
        ("!own {a: 1}", "!own is a tag"),
        ("a: 1\na: 2", "a is given twice"),
        ("[1]: 2", r"\[1\] is a key: give text as keys"),
        ("true: 1", "True is a key"),
        ("9" * 5000, "5,000 digits"),
        ("0x" + "f" * 5000, "5,002 digits"),
        ("[" * 33 + "]" * 33, "more than 32 levels"),
        ("[" * 100_000, "more than 32 levels"),
        ("- a\n" * 20_001, "more than 32 levels or"),
    ],
)
def test_what_grows_or_runs_is_refused(text, message):
    start = time.process_time()
    with pytest.raises(ConfigError, match=message):
        load_yaml(text)
    assert time.process_time() - start < 5


@pytest.mark.parametrize("text", ["[unclosed", "a: b: c", "\x00", "{<<: {a: 1}}", "@", "%YAML x"])
def test_what_is_not_yaml_is_an_error_of_yaml(text):
    with pytest.raises(yaml.YAMLError):
        load_yaml(text)
