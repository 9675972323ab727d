"""What is chosen from which times, and what is kept; never how fast anything is."""

import json
import threading
from contextlib import nullcontext
from functools import partial
from importlib import import_module
from typing import Any

import pytest
import torch
from assembled import mixed
from torch import nn

from cotrain import divide, networks
from cotrain.execution import Acceleration, NetworkError, choose, prepare
from cotrain.execution import timing as latency
from cotrain.execution.auto import choosing, measuring, remembering
from cotrain.execution.compiling import is_compiled

PLAIN = (Acceleration(),)


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(choosing, "_PROCESS", {})
    return tmp_path / "cotrain" / "executions.json"


def small(**changes):
    shape = {"num_classes": 5, "in_channels": 3, "image_size": 8}
    return divide(networks.spec("basic_resnet8_8", **shape, **changes), 2, seed=0)


@pytest.fixture
def clock(monkeypatch):
    """Sets how long an execution takes by its strategy; a list is used up round by round."""
    now, takes = [0.0], {}
    build: Any = vars(measuring)["build_execution"]

    def slow(networks, strategy, *arguments):
        execution = build(networks, strategy, *arguments)
        run = execution._run

        def timed(views):
            time = takes.get(strategy, 9.0)
            now[0] += time.pop(0) if isinstance(time, list) else time
            return run(views)

        execution._run = timed
        return execution

    monkeypatch.setattr(latency, "perf_counter", lambda: now[0])
    monkeypatch.setattr(measuring, "build_execution", slow)
    return takes


def test_the_fastest_is_chosen_and_says_why(clock):
    clock.update(loop=0.004, threads=0.002, stacked=0.003)
    choice = choose(small(), (2, 3, 8, 8), accelerations=PLAIN)
    assert (choice.strategy, choice.acceleration) == ("threads", Acceleration())
    assert choice.reason == (
        "threads takes 2 ms where the plain loop takes 4 ms (median of 9 interleaved rounds)"
    )
    assert choice.timings == pytest.approx({"loop": 0.004, "threads": 0.002, "stacked": 0.003})


def test_loop_stays_unless_it_is_beaten_by_more_than_the_noise(clock):
    clock.update(loop=1.0, threads=0.98)
    choice = choose(small(), (2, 3, 8, 8), accelerations=PLAIN)
    assert choice.strategy == "loop"
    assert choice.reason.startswith("loop at 1e+03 ms is not beaten by more than the noise")


def test_a_candidate_that_is_often_slower_is_not_chosen(clock):
    """Warm-up and first pass, then rounds: fast in five, slow in four."""
    clock.update(loop=1.0, threads=[0.5, 0.5, *[0.5, 1.5] * 4, 0.5])
    assert choose(small(), (2, 3, 8, 8), accelerations=PLAIN).strategy == "loop"


def test_hopeless_candidates_get_no_rounds(clock):
    clock.update(loop=1.0, threads=0.5, stacked=1.1)
    choice = choose(small(), (2, 3, 8, 8), accelerations=PLAIN)
    assert choice.refused == {"stacked": "slow: 1.1e+03 ms"}
    assert set(choice.timings) == {"loop", "threads"}


def test_a_candidate_with_other_answers_is_refused(clock, monkeypatch):
    clock.update(loop=1.0, threads=0.1, stacked=0.5)
    slow: Any = vars(measuring)["build_execution"]  # as the clock patched it

    def wrong(networks, strategy, *arguments):
        execution = slow(networks, strategy, *arguments)
        if strategy == "threads":
            run = execution._run
            execution._run = lambda views: 1.1 * run(views)
        return execution

    monkeypatch.setattr(measuring, "build_execution", wrong)
    choice = choose(small(), (2, 3, 8, 8), accelerations=PLAIN)
    assert choice.strategy == "stacked"
    assert choice.refused["threads"] == "its logits differ from loop's by 1.0e-01 of the largest"


def test_a_choice_is_measured_once(clock, monkeypatch, empty_cache):
    clock.update(loop=1.0, threads=0.5)
    first = choose(small(), (2, 3, 8, 8), accelerations=PLAIN)
    clock.update(loop=0.1)
    assert choose(small(), (2, 3, 8, 8), accelerations=PLAIN) == first
    monkeypatch.setattr(choosing, "_PROCESS", {})
    assert choose(small(), (2, 3, 8, 8), accelerations=PLAIN) == first
    assert len(json.loads(empty_cache.read_text())) == 1
    assert choose(small(), (3, 3, 8, 8), accelerations=PLAIN).strategy == "loop"
    assert len(json.loads(empty_cache.read_text())) == 2
    again = choose(small(), (2, 3, 8, 8), accelerations=PLAIN, remember=False)
    assert again.strategy == "loop"


@pytest.mark.parametrize("damage", ["{", "[]", '{"KEY": {"strategy": "loop"}}'])
def test_a_damaged_cache_is_measured_anew(clock, monkeypatch, empty_cache, damage):
    monkeypatch.setattr(remembering, "key", lambda *_: "KEY")
    empty_cache.parent.mkdir()
    empty_cache.write_text(damage)
    clock.update(loop=1.0, threads=0.5)
    assert choose(small(), (2, 3, 8, 8), accelerations=PLAIN).strategy == "threads"
    assert json.loads(empty_cache.read_text())["KEY"]["strategy"] == "threads"


def test_measuring_leaves_no_trace():
    ensemble = small().train()
    state = {name: tensor.clone() for name, tensor in ensemble.state_dict().items()}
    threads, random = set(threading.enumerate()), torch.get_rng_state()
    for training in (None, nullcontext):
        choose(ensemble, (2, 3, 8, 8), accelerations=PLAIN, training=training, rounds=1)
    assert all(torch.equal(state[name], now) for name, now in ensemble.state_dict().items())
    assert all(parameter.grad is None for parameter in ensemble.parameters())
    assert set(threading.enumerate()) <= threads
    assert torch.equal(torch.get_rng_state(), random)


def test_training_with_dropout_stays_in_the_loop_and_says_why():
    choice = choose(small(dropout=0.5).train(), (2, 3, 8, 8), training=nullcontext, rounds=1)
    assert choice.strategy == "loop"
    assert "draws random numbers" in choice.refused["threads"]


def test_training_is_measured_as_it_is_done():
    """Under autocast, compiled and in its layout; a deep copy alone is not compiled."""
    seen = []

    class Looks(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 5, 3)

        def forward(self, images):
            layout = images.is_contiguous(memory_format=torch.channels_last)
            autocast = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu")
            seen.append((is_compiled(self), layout, autocast, torch.is_grad_enabled()))
            return self.conv(images).mean((2, 3))

    found = [Looks(), Looks()]
    for network in found:
        network.compile(backend="eager")
    compiles: list[nn.Module] = []
    whole = nn.Module.compile

    def compile(network, *args, **options):
        compiles.append(network)
        whole(network, backend="eager")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.Module, "compile", compile)
        # Strategies of threads are not asked for: the compiler is no part of this test.
        patch.setattr(choosing, "_ways", lambda *_: [("loop", Acceleration())])
        context = partial(torch.autocast, "cpu", torch.bfloat16)
        choose(found, (2, 4, 3, 8, 8), training=context, channels_last=True, rounds=1)
    assert len(compiles) == 2
    assert not set(compiles) & set(found)
    assert set(seen) == {(True, True, torch.bfloat16, True)}
    assert not torch.is_autocast_enabled("cpu")


def test_the_key_tells_apart_what_takes_another_time():
    def key(network=None, *, images=None, ways=("loop",)):
        images = torch.zeros(2, 3, 8, 8) if images is None else images
        return remembering.key([network or nn.Conv2d(3, 4, 3)], images, ways)

    last, compiled = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last), nn.Conv2d(3, 4, 3)  # type: ignore[call-overload]
    compiled.compile()
    keys = [
        key(),
        key(last),
        key(compiled),
        key(images=torch.zeros(2, 3, 8, 8).contiguous(memory_format=torch.channels_last)),
        key(ways=("loop", "training")),
    ]
    with torch.autocast("cpu", torch.bfloat16):
        keys.append(key())
    with torch.autocast("cpu", torch.float16):
        keys.append(key())
    backends: Any = torch.backends
    for flag, other in [(backends.cudnn.conv, "ieee"), (backends.cuda.matmul, "tf32")]:
        before = flag.fp32_precision
        try:
            flag.fp32_precision = other
            keys.append(key())
        finally:
            flag.fp32_precision = before
    assert len(set(keys)) == len(keys) == 9
    assert key() == keys[0]


def test_rounding_of_tf32_is_no_other_answer():
    """Folded against unfolded differs by 1e-3 to 2e-3 there."""
    cuda, cpu = torch.device("cuda"), torch.device("cpu")
    found = [measuring.tolerance(dtype, cuda) for dtype in (torch.float64, torch.float32)]
    assert (*found, measuring.tolerance(torch.float32, cpu)) == (1e-8, 1e-2, 1e-3)
    assert measuring.tolerance(torch.bfloat16, cpu) == measuring.tolerance(torch.bfloat16, cuda)


def test_auto_prepares_the_choice(clock, monkeypatch):
    module = import_module("cotrain.execution.prepare")  # beside the function of that name
    monkeypatch.setattr(module, "choose", partial(choose, accelerations=PLAIN))
    clock.update(loop=1.0, threads=0.5)
    ensemble, images = small().eval(), torch.randn(2, 3, 8, 8)
    with prepare(ensemble, "auto", example=images) as execution:
        assert execution.name == "threads"
        assert "where the plain loop takes 1e+03 ms" in execution.reason
        with torch.no_grad():
            torch.testing.assert_close(execution(images), ensemble(images))


def test_networks_that_fail_are_not_hidden():
    with pytest.raises(NetworkError, match=r"^network 0: "):
        choose(small(), (2, 1, 8, 8), accelerations=PLAIN)


def test_half_precision_is_chosen_only_where_it_is_allowed(monkeypatch):
    """Whatever is said to be fastest: here everything that computes in bf16."""
    tried = []

    def bf16_wins(networks, images, ways, *, rounds, training):
        tried.append(ways)
        return {way: [0.5 if way[1].is_half else 1.0] * rounds for way in ways}, {}

    monkeypatch.setattr(choosing, "measure", bf16_wins)
    ensemble, example = small(), torch.randn(2, 3, 8, 8)
    exact = prepare(ensemble, "auto", example=example)(example)
    assert not any(how.is_half for _, how in tried.pop())
    execution = prepare(ensemble, "auto", example=example, dtype="bf16")
    assert {how.dtype for _, how in tried.pop()} == {"fp32", "bf16"}
    assert "bf16" in execution.reason
    difference = float((execution(example) - exact).abs().max() / exact.abs().max())
    assert 1e-5 < difference < 0.05


def test_networks_that_differ_are_not_stacked():
    *_, ensemble = mixed()
    choice = choose(ensemble, (2, 1, 8, 8), accelerations=[Acceleration()], remember=False)
    assert choice.strategy != "stacked"
    assert "the networks differ in structure" in choice.refused["stacked"]


def test_what_was_chosen_for_equal_networks_is_not_taken_for_others_that_print_the_same():
    heads = [nn.MultiheadAttention(4, number) for number in (1, 1, 2)]
    keys = {remembering.key([heads[0], each], torch.zeros(1, 3, 8, 8), []) for each in heads[1:]}
    assert len(keys) == 2
