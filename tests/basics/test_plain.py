"""Plain values pass; others, and more than a file of ours holds, are refused and named."""

import datetime

import numpy as np
import pytest

from cotrain import ConfigError
from cotrain.basics.plain import DEPTH, MOST, check_plain, checked_digits, map_of


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -3,
        2**64 - 1,
        0.5,
        "text",
        [],
        (1, [2.0, None]),
        {"a": {"b": [1, {"c": "d"}]}, 64: 32},
        {"lr": np.float64(0.5)},
        nested(DEPTH),
        [0] * (MOST - 1),
    ],
)
def test_plain_values_pass(value):
    check_plain(value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), "options=nan is not finite: give finite numbers"),
        ({"a": [1, float("inf")]}, "options.a=inf is not finite: give finite numbers"),
        ({"a": {"b": b"x"}}, "options.a.b is a bytes: give numbers, text, lists or maps"),
        ([datetime.date(2020, 1, 1)], "options is a date: give numbers, text, lists or maps"),
        ({"a": {1, 2}}, "options.a is a set: give numbers, text, lists or maps"),
        ({None: 1}, "options has the key None: give text as keys"),
        ({"a": {True: 1}}, "options.a has the key True: give text as keys"),
        (2**64, "options is a number of 65 bits: give at most 64"),
        (
            {"a": [{"class_path": "os.system"}]},
            "options.a.class_path names code to run, which is refused: give plain values",
        ),
        (
            {"init_args": {}},
            "options.init_args names code to run, which is refused: give plain values",
        ),
        (nested(DEPTH + 1), f"more than {DEPTH} levels or {MOST:,} values: give a file that has "),
        ([0] * MOST, f"more than {DEPTH} levels or {MOST:,} values: give a file that has "),
    ],
)
def test_what_is_not_plain_is_named(value, message):
    with pytest.raises(ConfigError) as caught:
        check_plain(value, "options")
    assert str(caught.value).startswith(message)


def test_what_holds_itself_is_refused():
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(ConfigError, match="more than 32 levels"):
        check_plain(endless)


def test_a_key_is_given_once():
    assert map_of([("a", 1), (2, "b")]) == {"a": 1, 2: "b"}
    with pytest.raises(ConfigError, match=r"^a is given twice: give it once$"):
        map_of([("a", 1), ("a", 1)])


def test_a_number_is_short():
    assert checked_digits("9" * 40) == "9" * 40
    with pytest.raises(ConfigError, match="5,000 digits: give at most 40"):
        checked_digits("9" * 5000)
