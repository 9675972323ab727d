"""Which cases there are, that each answers as the ensemble does, and what is refused."""

import warnings
from contextlib import ExitStack
from typing import Any

import pytest
import torch

from cotrain import ConfigError, divide
from cotrain.comparison.speed import cases
from cotrain.comparison.speed.cases import (
    EXACT_LEVELS,
    HALF_LEVELS,
    LEVELS,
    STRATEGIES,
    ceilings,
    execute,
    own_cases,
    ready,
    tried,
)
from cotrain.comparison.speed.records import Case
from cotrain.comparison.speed.targets import benchmark_target, find_targets
from cotrain.execution import Acceleration, Choice, prepare
from cotrain.export import ExportOptions, export_ensemble

IMAGES = torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def ways(target, strategies, levels=("none", "light")):
    return [(c.strategy, c.level) for c in own_cases(target, strategies, levels, IMAGES)]


def test_levels_and_strategies_are_those_of_execution():
    assert list(LEVELS) == [*EXACT_LEVELS, *HALF_LEVELS]
    assert EXACT_LEVELS == ("none", "light", "compile")
    assert LEVELS["none"] == Acceleration()
    assert LEVELS["light"] == Acceleration(channels_last=True, fold=True)
    assert LEVELS["compile"] == Acceleration(channels_last=True, fold=True, compile=True)
    for level in ("bf16", "fp16"):
        assert LEVELS[level] == Acceleration(channels_last=True, fold=True, dtype=level)
    assert STRATEGIES == ("loop", "threads", "streams", "cuda_graphs", "stacked", "devices")


def test_the_plain_loop_is_always_there_and_one_network_has_nothing_beside(tiny):
    one, two = tiny()
    assert ways(two, ["threads"]) == [("loop", "none"), ("threads", "none"), ("threads", "light")]
    assert ways(one, ["threads", "stacked"]) == [("loop", "none")]
    assert ways(one, ["cuda_graphs"], ["light"]) == [("loop", "none"), ("cuda_graphs", "light")]


def test_auto_is_what_is_chosen_for_these_images(tiny, monkeypatch):
    asked = []

    def choose(ensemble, shape, *, device):
        asked.append((ensemble.spec.into, tuple(shape), device.type))
        how = Acceleration(fold=True)
        return Choice(strategy="stacked", acceleration=how, reason="so it is")

    monkeypatch.setattr(cases, "choose", choose)
    *_, chosen = own_cases(tiny()[1], ["auto"], ["none"], IMAGES)
    assert (chosen.strategy, chosen.level, chosen.reason) == ("stacked", "light", "so it is")
    assert str(chosen) == "auto: stacked, light"
    assert asked == [(2, (3, 3, 8, 8), "cpu")]


def test_ceilings_are_each_network_alone_and_all_as_processes(tiny):
    found = list(ceilings(tiny()[1], [("loop", "light")]))
    assert [(c.role, c.network) for c in found] == [("alone", 0), ("alone", 1), ("processes", 0)]
    assert {c.condition for c in found} == {("loop", "light")}


@pytest.mark.parametrize("strategy", ["loop", "threads", "stacked"])
@pytest.mark.parametrize("level", ["none", "light"])
def test_every_case_gives_the_ensembles_probabilities(tiny, strategy, level):
    target = tiny()[1]
    case = Case(target="two", into=2, strategy=strategy, level=level)
    with ExitStack() as stack, torch.inference_mode():
        found = ready(target, case, IMAGES, stack)()
    torch.testing.assert_close(found, target.source.predict(IMAGES), rtol=1e-4, atol=1e-5)


def test_a_network_alone_is_that_network(tiny):
    target = tiny()[1]
    case = Case(target="two", into=2, strategy="loop", level="none", role="alone", network=1)
    with ExitStack() as stack:
        found = ready(target, case, IMAGES, stack)()
    alone = target.source.networks[1].eval()(IMAGES).softmax(-1)
    torch.testing.assert_close(found, alone)


@pytest.fixture
def exported(tmp_path, tiny_spec):
    """A target whose networks answer from what was exported."""

    def make(name, **options):
        path = tmp_path / name
        export_ensemble(divide(tiny_spec, 2, seed=0), path, ExportOptions(**options))
        return find_targets([str(path)], trust=True)[0]

    return make


def test_a_file_answers_one_after_the_other_and_at_once(exported, tiny):
    target = exported("two.onnx", format="onnx")
    assert ways(target, ["loop", "threads", "stacked"]) == [("loop", "onnx"), ("threads", "onnx")]
    expected = tiny()[1].source.predict(IMAGES)
    for case in own_cases(target, ["threads"], ["none"], IMAGES):
        outputs: Any = ready(target, case, IMAGES, ExitStack())()
        torch.testing.assert_close(outputs["probabilities"], expected, rtol=1e-4, atol=1e-5)


def test_one_torch_file_has_nothing_at_once(exported):
    target = exported("two.pt2", format="torch-export")
    loop, threads = own_cases(target, ["threads"], ["none"], IMAGES)
    outputs: Any = ready(target, loop, IMAGES, ExitStack())()
    assert outputs["logits"].shape == (2, 3, 10)
    with pytest.raises(ConfigError, match="one torch-export file runs its networks one after"):
        ready(target, threads, IMAGES, ExitStack())


def test_a_file_answers_on_the_cpu_only(exported):
    target = exported("two.pt2", format="torch-export")
    (loop,) = own_cases(target, ["loop"], ["none"], IMAGES)
    with pytest.raises(ConfigError, match="use --device cpu"):
        ready(target, loop, torch.empty(1, device="meta"), ExitStack())


def test_an_execution_is_timed_as_it_is(tiny_spec):
    ensemble = divide(tiny_spec, 2, seed=0)
    with prepare(ensemble, "threads") as execution:
        target = benchmark_target("mine", execution)
        (case,) = own_cases(target, ["stacked", "auto"], ["light"], IMAGES)
        assert (case.strategy, case.level, case.into) == ("threads", "prepared", 2)
        found = ready(target, case, IMAGES, ExitStack())()
    torch.testing.assert_close(found, ensemble.predict(IMAGES))
    assert target.facts.params == ensemble.params


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ("devices", "2 networks need a device each, and cpu is 1"),
        ("streams", "needs them on one CUDA device"),
    ],
)
def test_what_the_cpu_has_not_is_refused(tiny, strategy, message):
    case = Case(target="two", into=2, strategy=strategy, level="none")
    with pytest.raises(ConfigError, match=message):
        execute(list(tiny()[1].source.networks), case, IMAGES)


def test_a_pass_is_tried_and_its_failure_is_one_line():
    def fails():
        raise RuntimeError("first\nsecond")

    with pytest.raises(ConfigError, match=r"^first$"):
        tried(lambda: fails)
    assert tried(lambda: int)() == 0


@pytest.mark.parametrize("said", ["fold: Net cannot be traced", "compile: not possible here"])
def test_an_acceleration_that_was_not_possible_is_no_case(said):
    def warns():
        warnings.warn(said, stacklevel=1)

    with pytest.raises(ConfigError, match=said):
        tried(lambda: warns)
