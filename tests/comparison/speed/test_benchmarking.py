"""All cases take turns; what is not possible is listed; nothing here says how fast anything is."""

import json

import pytest
import torch
from assembled import mixed

from cotrain import ConfigError
from cotrain.comparison.speed import Plan, benchmark, find_targets
from cotrain.comparison.speed import benchmarking as running


@pytest.fixture
def turns(monkeypatch):
    """The cases whose passes took turns, for each batch size."""
    seen = []

    def take_turns(passes, rounds):
        seen.append(list(passes))
        return {case: [once() for _ in range(rounds)] for case, once in passes.items()}

    monkeypatch.setattr(running, "take_turns", take_turns)
    return seen


def test_all_cases_of_a_batch_size_take_turns(tiny, no_processes, turns):
    plan = Plan(batch_sizes=(1, 2), strategies=("loop", "threads"), levels=("none",), rounds=3)
    result = benchmark(tiny(into=(2,)), plan)
    for cases in turns:
        found = [(c.target[-3:], c.strategy) for c in cases if c.role == "together"]
        assert found == [("S=2", "loop"), ("S=2", "threads"), ("S=1", "loop")]
        assert [c.network for c in cases if c.role == "alone"] == [0, 1]
        assert sum(c.role == "processes" for c in cases) == 1
    assert len(turns) == 2
    # Of the two networks alone one is kept.
    assert len(result.rows) == 2 * 5
    assert {row.latency.rounds for row in result.rows} == {3}
    (processes,) = no_processes
    assert processes.prepared == [(("loop", "none"), (b, 3, 8, 8)) for b in (1, 2)]
    assert len(processes.work.networks) == 2
    assert processes.work.threads == max(1, torch.get_num_threads() // 2)
    assert [row.latency.median_ms for row in result.rows if row.case.role == "processes"] == [
        250
    ] * 2


def test_the_large_network_has_the_conditions_of_its_ensembles(tiny, no_processes):
    plan = Plan(batch_sizes=(1,), strategies=("stacked",), levels=("light",), rounds=1)
    found = benchmark(tiny(), plan)
    large = [(r.case.strategy, r.case.level) for r in found.rows if r.case.into == 1]
    assert large == [("loop", "none"), ("loop", "light")]
    stacked = next(r for r in found.rows if r.case.strategy == "stacked")
    light = next(r for r in found.rows if r.case.into == 1 and r.case.level == "light")
    assert stacked.against_large == stacked.latency.median_ms / light.latency.median_ms


def test_networks_that_differ_have_processes_each_and_no_large_network(no_processes, tmp_path):
    *_, ensemble = mixed()
    ensemble.save(tmp_path / "mixed")
    plan = Plan(batch_sizes=(1,), strategies=("loop", "stacked"), levels=("none",), rounds=1)
    found = benchmark(find_targets([str(tmp_path / "mixed")]), plan)
    (facts,) = found.targets
    assert (facts.into, facts.macs) == (3, ensemble.spec.macs)
    (processes,) = no_processes
    assert processes.work.networks == tuple(each.network for each in ensemble.spec.members)
    assert "differ in structure" in found.refused[0].reason
    assert {row.against_large for row in found.rows} == {None}


def test_what_is_not_possible_is_listed_with_its_reason(tiny, no_processes):
    plan = Plan(batch_sizes=(1,), strategies=("loop", "streams"), levels=("none",), rounds=1)
    (refused,) = benchmark(tiny(), plan).refused
    assert (refused.case.strategy, refused.case.into, refused.batch_size) == ("streams", 2, 1)
    assert "needs them on one CUDA device" in refused.reason


def test_the_record_is_json_with_the_machine(tiny, no_processes):
    found = benchmark(tiny(), Plan(batch_sizes=(4,), levels=("none",), rounds=2))
    record = json.loads(json.dumps(found.to_dict()))
    assert record["machine"]["torch"] == torch.__version__
    assert (record["rounds"], record["warm_up"], record["device"]) == (2, 3, "cpu")
    assert [each["into"] for each in record["targets"]] == [1, 2]
    (verdict,) = record["verdicts"]
    assert verdict["batch_size"] == 4
    assert verdict["best"]["latency"]["median_ms"] > 0


def test_ensembles_of_one_kind_share_their_processes(tiny, no_processes, tmp_path):
    two = tiny()[1].source
    for name in ("a", "b"):
        two.save(tmp_path / name)
    folders = [str(tmp_path / name) for name in ("a", "b")]
    plan = Plan(batch_sizes=(1,), levels=("none",), rounds=1)
    found = benchmark(find_targets(folders), plan)
    assert len(no_processes) == 1
    assert sum(row.case.role == "processes" for row in found.rows) == 2


def test_a_network_that_fails_is_an_error(tiny, no_processes, monkeypatch):
    targets = tiny(into=())
    monkeypatch.setattr(type(targets[0].source.networks[0]), "forward", None)
    with pytest.raises(ConfigError, match="network 0: 'NoneType' object is not callable"):
        benchmark(targets, Plan(batch_sizes=(1,)))


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (Plan(batch_sizes=(4, 0)), "batch=0 is below 1"),
        (Plan(rounds=0), "rounds=0 is below 1"),
    ],
)
def test_numbers_below_one_are_refused(tiny, plan, message):
    with pytest.raises(ConfigError, match=message):
        benchmark(tiny(), plan)
