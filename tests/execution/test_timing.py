"""The order and the arithmetic of the measurement; never how fast anything is."""

import pytest
import torch

from cotrain import ConfigError, divide, networks
from cotrain.execution.timing import measure_latency

SHAPE = (1, 8, 8)


def tiny_ensemble(into):
    spec = networks.spec("basic_resnet8_8", num_classes=3, in_channels=1, image_size=8)
    return divide(spec, into, seed=0)


@pytest.fixture
def calls(monkeypatch):
    """What was answered, as (S, B); the clock moves S + B seconds with it."""
    answered = []
    now = [0.0]

    def record(module, inputs, _):
        assert not module.training
        assert torch.is_inference_mode_enabled()
        into, batch_size = len(module.networks), len(inputs[0])
        answered.append((into, batch_size))
        now[0] += into + batch_size

    monkeypatch.setattr("cotrain.execution.timing.perf_counter", lambda: now[0])
    return answered, record


def test_candidates_take_turns_and_the_warm_up_is_left_out(calls):
    answered, record = calls
    candidates = {"one": tiny_ensemble(1), "two": tiny_ensemble(2)}
    for ensemble in candidates.values():
        ensemble.train().register_forward_hook(record)
    found = measure_latency(candidates, SHAPE, batch_sizes=(1, 4), rounds=5)
    rounds = [answered[i : i + 2] for i in range(0, len(answered), 2)]
    assert [sorted(each) for each in rounds] == [[(1, 1), (2, 1)]] * 8 + [[(1, 4), (2, 4)]] * 8
    assert len({tuple(each) for each in rounds[:8]}) == 2  # the order is not always the same
    assert [(each.name, each.batch_size) for each in found] == [
        ("one", 1),
        ("two", 1),
        ("one", 4),
        ("two", 4),
    ]
    assert [each.median_ms for each in found] == pytest.approx([2000, 3000, 5000, 6000])
    assert [each.per_image_ms for each in found] == pytest.approx([2000, 3000, 1250, 1500])
    assert {each.rounds for each in found} == {5}
    assert all(ensemble.training for ensemble in candidates.values())


def test_median_and_interquartile_range(monkeypatch):
    ends = [0.0]
    for seconds in [99, 99, 99, 1, 2, 3, 4, 50]:  # three to warm up, five that count
        ends += [ends[-1], ends[-1] + seconds]
    monkeypatch.setattr("cotrain.execution.timing.perf_counter", iter(ends[1:]).__next__)
    (found,) = measure_latency({"one": tiny_ensemble(1)}, SHAPE, batch_sizes=(1,), rounds=5)
    assert found.median_ms == pytest.approx(3000)
    assert found.spread_ms == pytest.approx(2000)


def test_no_round_is_refused():
    with pytest.raises(ConfigError, match="rounds=0"):
        measure_latency({"one": tiny_ensemble(1)}, SHAPE, rounds=0)


@pytest.mark.gpu
def test_gpu_is_measured():
    candidates = {"one": tiny_ensemble(1).to("cuda")}
    (found,) = measure_latency(candidates, SHAPE, batch_sizes=(2,), rounds=3)
    assert found.median_ms > 0
