"""What a pilot looks like."""

import json
from dataclasses import replace
from typing import Any

import pytest
from comparisons import POWER, difference

from cotrain.basics.machine import hardware
from cotrain.comparison.accuracy.statistics import Spread
from cotrain.config import Data, Experiment
from cotrain.ensemble.cost import Cost
from cotrain.planning.pilot.in_words import Extent
from cotrain.planning.pilot.leading import Lead
from cotrain.planning.pilot.pilot import Pilot
from cotrain.planning.pilot.tried import Tried
from cotrain.report.pilot import pilot_remarks, pilot_table, write_pilot


def tried(into: int, error: float, seconds: float | None) -> Tried:
    return Tried(
        name=f"S={into}",
        into=into,
        cost=Cost(params=300_000, macs=3_000_000, params_ratio=1.0, macs_ratio=1.02, equal=True),
        error=Spread(mean=error, std=0.5),
        errors=(error,),
        seconds=seconds,
        big_seconds=None if seconds is None else 3 * seconds,
    )


def a_pilot(**changes: Any) -> Pilot:
    lead = Lead(leader="S=4", rival="S=1", behind={"S=1": difference(0.8, 0.02)}, power=POWER)
    given: dict[str, Any] = {
        "verdict": ("S=4 is ahead.",),
        "candidates": (tried(1, 3.3, 20.0), tried(4, 2.5, None)),
        "lead": lead,
        "extent": Extent(epochs=20, of_epochs=60, seeds=3, images=600),
        "experiment": Experiment(into=4),
        "seeds": (0, 1, 2),
        "left_out": (),
        "seconds": None,
        "whole_seconds": 600.0,
        "commands": ("cotrain train", "cotrain compare"),
        "machine": hardware(),
        "device": "cpu",
        "jobs": 2,
    }
    return Pilot(**(given | changes))


def test_the_table_has_errors_leads_costs_and_times():
    table = pilot_table(a_pilot())
    large, four = (row.cells for row in table.rows if row is not None)
    assert [" ".join(each) for each in large] == [
        *("S=1", "3.30 ± 0.50", "+0.80 from -0.20 to +1.80", "300 k x 1.00", "3.00 M x 1.02"),
        *("20", "60 s"),
    ]
    assert [" ".join(each) for each in four][2:] == [
        *("ahead", "300 k x 1.00", "3.00 M x 1.02", "-", "-")
    ]
    assert table.caption == (
        "20 of 60 epochs, 600 images held out of the training images, 3 seeds; no test image was "
        "used."
    )


def test_remarks_end_with_what_comes_next():
    assert list(pilot_remarks(a_pilot(seconds=120.0, left_out=(3,)))) == [
        "the pilot: about 2 min, 2 at a time",
        "the big run of S=4:",
        "  cotrain train",
        "or all of them, tested once on the test images, about 10 min:",
        "  cotrain compare",
        "left out, for lack of time: seed 3: the same command goes on with it",
    ]


def test_images_that_are_held_out_in_the_pilot_alone_are_said():
    experiment = replace(Experiment(), data=Data(validation="none"))
    first, *_ = pilot_remarks(a_pilot(experiment=experiment))
    assert first == (
        "data.validation=none: the pilot held out 0.2 of the training images; the big run trains "
        "on them, too"
    )


def test_the_record_is_written(tmp_path):
    write_pilot(a_pilot(), tmp_path)
    record = json.loads((tmp_path / "pilot.json").read_text())
    assert record["lead"]["behind"]["S=1"]["mean"] == pytest.approx(0.8)
    assert record["candidates"][0]["big_seconds"] == 60
