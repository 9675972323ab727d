"""The cost model of several machines, by numbers that are counted by hand."""

import json

import common
import pytest
import scale
from scale import Network, Step, seconds, sent, sent_by_host

# The four networks of WRN-28-10 for CIFAR-100.
STEP = Step(into=4, parameters=36_650_576, classes=100, batch=32, seconds=1.0)
SLOW = Network(bytes_per_second=1000.0, round_trip=0.5)


def test_bytes_are_those_of_a_ring_and_of_logits():
    assert sent("data-parallel", STEP, 2) == 4 * 36_650_576
    assert sent("data-parallel", STEP, 4) == 1.5 * 4 * 36_650_576
    # Two of the networks' logits of 64 images; one network's of 128 images, to three others.
    assert sent("network-parallel", STEP, 2) == 2 * 64 * 100 * 4
    assert sent("network-parallel", STEP, 4) == 3 * 128 * 100 * 4
    # A quarter of the gradients besides, where two devices have the same network.
    assert sent("network-parallel", STEP, 8) == 36_650_576 + 3 * 128 * 100 * 4
    # float16 of one network and all 50,000 images, once in 100 steps.
    assert sent("asynchronous", STEP, 4) == 50_000 * 100 * 2 / 100


def test_hosts_send_what_leaves_them():
    assert sent_by_host(4, 1, STEP) == 1.5 * 4 * 36_650_576
    assert sent_by_host(4, 2, STEP) == 2 * 2 * 64 * 100 * 4
    assert sent_by_host(4, 4, STEP) == 3 * 128 * 100 * 4


def test_a_step_waits_for_bytes_and_round_trips():
    assert seconds("data-parallel", STEP, 1, SLOW) == 1.0
    assert seconds("network-parallel", STEP, 2, SLOW) == pytest.approx(1.0 + 51.2 + 0.5)
    gradients = (36_650_576 + 153_600) / 1000
    assert seconds("network-parallel", STEP, 8, SLOW) == pytest.approx(1.0 + gradients + 2 * 0.5)
    assert seconds("asynchronous", STEP, 4, SLOW) == 1.0


def test_it_runs_and_counts_the_parameters(tmp_path, monkeypatch):
    monkeypatch.setattr(common, "RESULTS", tmp_path)
    scale.main(["--result", "tiny"])
    record = json.loads((tmp_path / "tiny.json").read_text())
    assert record["step"]["parameters"] == STEP.parameters
    rows = record["slow"]["rows"]
    assert [row["devices"] for row in rows] == [2**power for power in range(11)]
    assert "asynchronous, bytes" in rows[2]
    assert "asynchronous, bytes" not in rows[3]
