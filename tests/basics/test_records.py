"""Records from plain values: each field of its type, unknown and missing ones named."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from cotrain import ConfigError
from cotrain.basics.records import record_from


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part."""

    share: float = 0.5
    size: Literal[1, 3] | None = None


@dataclass(frozen=True, kw_only=True)
class Whole:
    """Fields of all kinds."""

    name: str
    count: int = 1
    on: bool = False
    held: float | Literal["none"] = 0.1
    devices: int | str = "auto"
    pair: tuple[float, float] = (0.0, 1.0)
    steps: tuple[int, ...] = ()
    mean: list[float] | None = None
    widths: Mapping[int, int] | None = None
    parts: Mapping[str, Part] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    part: Part = field(default_factory=Part)
    other: Part | None = None


def refusal(values: object, name: str = "") -> str:
    with pytest.raises(ConfigError) as caught:
        record_from(Whole, values, name)
    return str(caught.value)


def test_every_kind_of_field():
    values = {
        "name": "x",
        "count": 3,
        "on": True,
        "held": "none",
        "devices": 2,
        "pair": [0, 1],
        "steps": [1, 2, 3],
        "mean": [1, 0.5],
        "widths": {64: 32},
        "options": {"a": [1, {"b": None}]},
        "part": {"share": 1, "size": 3},
        "other": {"size": None},
    }
    assert record_from(Whole, values) == Whole(
        name="x",
        count=3,
        on=True,
        held="none",
        devices=2,
        pair=(0.0, 1.0),
        steps=(1, 2, 3),
        mean=[1.0, 0.5],
        widths={64: 32},
        options={"a": [1, {"b": None}]},
        part=Part(share=1.0, size=3),
        other=Part(),
    )
    made = record_from(Whole, values)
    assert (type(made.part.share), type(made.pair), type(made.pair[0])) == (float, tuple, float)


def test_records_in_a_map_are_made():
    found = record_from(Whole, {"name": "x", "parts": {"a": {"share": 1}, "b": {}}})
    assert found.parts == {"a": Part(share=1.0), "b": Part()}
    assert refusal({"name": "x", "parts": {"a": {"size": 2}}}).startswith("parts.a.size=2 is not")


def test_what_is_left_out_has_its_default():
    assert record_from(Whole, {"name": "x"}) == Whole(name="x")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "name is missing: give it"),
        ({"name": 3}, "name=3 is not text: give that"),
        ({"name": "x", "bogus": 1}, "bogus is not known: use one of name, count, on, held"),
        ({"name": "x", "count": "many"}, "count='many' is not a whole number: give that"),
        ({"name": "x", "count": 1.5}, "count=1.5 is not a whole number"),
        ({"name": "x", "count": True}, "count=True is not a whole number"),
        ({"name": "x", "on": 1}, "on=1 is not true or false"),
        ({"name": "x", "held": "all"}, "held='all' is not a number or none"),
        ({"name": "x", "held": True}, "held=True is not a number or none"),
        ({"name": "x", "devices": None}, "devices=None is not a whole number or text"),
        ({"name": "x", "pair": [0]}, "pair=[0] is not a list of 2, each a number"),
        ({"name": "x", "pair": 3}, "pair=3 is not a list of 2, each a number"),
        ({"name": "x", "steps": [1, "2"]}, "steps=[1, '2'] is not a list, each a whole number"),
        ({"name": "x", "mean": 1}, "mean=1 is not a list, each a number or null"),
        ({"name": "x", "widths": {"a": 1}}, "widths={'a': 1} is not a map or null"),
        ({"name": "x", "options": [1]}, "options=[1] is not a map"),
        ({"name": "x", "options": {1: 1}}, "options={1: 1} is not a map"),
        ({"name": "x", "part": 7}, "part=7 is not a map: give its fields"),
        ({"name": "x", "part": {"size": 2}}, "part.size=2 is not one of 1, 3 or null"),
        ({"name": "x", "part": {"size": True}}, "part.size=True is not one of 1, 3 or null"),
        ({"name": "x", "other": {"size": 2}}, "other.size=2 is not one of 1, 3 or null"),
        ({"name": "x", "other": 2}, "other=2 is not a map or null"),
        ([], "it=[] is not a map: give its fields"),
    ],
)
def test_what_does_not_fit_is_named(values, message):
    assert refusal(values).startswith(message)


def test_a_record_within_another_is_named():
    assert refusal({"name": 3}, "spec").startswith("spec.name=3 is not text")


def test_a_long_value_is_cut_in_the_message():
    assert len(refusal({"name": ["x" * 10_000] * 1000})) < 300
