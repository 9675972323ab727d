"""Which setting differs, and its two values as YAML has them."""

from dataclasses import replace

from cotrain.config import Data, Experiment, Hardware, Optimizer, Schedule
from cotrain.config.difference import (
    PLACE,
    ChangedSetting,
    first_difference,
    record_settings,
    run_elsewhere,
)


def test_the_first_setting_that_differs_is_named():
    record = record_settings(Experiment())
    changed = Experiment(optimizer=Optimizer(lr=0.05), schedule=Schedule(milestones=(1,)))
    assert first_difference(record, changed) == ChangedSetting(
        name="optimizer.lr", before="0.1", now="0.05"
    )
    steps = replace(changed, optimizer=Optimizer())
    assert first_difference(record, steps) == ChangedSetting(
        name="schedule.milestones", before="[]", now="[1]"
    )
    without = Experiment(ema=None), Experiment(ema=0.5)
    assert first_difference(record_settings(without[0]), without[1]) == ChangedSetting(
        name="ema", before="null", now="0.5"
    )


def test_what_changes_no_number_is_no_difference():
    other = Experiment(checkpoint_steps=7, data=Data(workers=3, download=True))
    assert first_difference(record_settings(Experiment()), other) is None


def test_records_of_other_versions_are_compared_as_far_as_they_go():
    record = record_settings(Experiment())
    del record["ema"]
    assert first_difference(record | {"gone": 1}, Experiment(ema=0.5)) is None
    assert first_difference({}, Experiment(epochs=3)) is None


def test_a_run_may_be_moved_and_nothing_else():
    run = Experiment(epochs=3, hardware=Hardware(devices=4, strategy="ddp", threads=2))
    found = run_elsewhere(run, Experiment(hardware=Hardware(devices=2)))
    assert found is not None
    assert found == replace(run, hardware=Hardware(devices=2, threads=2))
    assert run_elsewhere(run, Experiment()) == run
    # A run of two machines goes on on one, and all networks in one process.
    large = Hardware(devices=8, num_nodes=2, network_parallel=2)
    found_on_one = run_elsewhere(
        Experiment(hardware=large), Experiment(hardware=Hardware(devices=8))
    )
    assert found_on_one == Experiment(hardware=Hardware(devices=8))
    assert run_elsewhere(run, Experiment(epochs=3)) is None
    assert run_elsewhere(run, Experiment(hardware=Hardware(devices=2, threads=1))) is None
    assert first_difference(record_settings(run), found, PLACE) is None
    assert first_difference(record_settings(run), found) == ChangedSetting(
        name="hardware.devices", before="4", now="2"
    )
