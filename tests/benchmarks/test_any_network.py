"""The benchmark of any network: what it draws, how it judges, how it goes on, what it prints."""

import copy
import json
from pathlib import Path
from typing import Any

import any_network
import any_network_checks as checks
import pytest
import timm
import torch
from any_network_model import judge
from any_network_sample import draw_unseen, read_names
from any_network_subject import Subject
from torch import nn

import cotrain
from cotrain.networks import spec
from cotrain.networks.foreign import register_builder

SEEN = Path(any_network.__file__).with_name("any_network_seen.txt")


class Tiny(nn.Sequential):
    """Convolutions whose widths the constructor takes."""

    def __init__(self, width: int = 64, num_classes: int = 4) -> None:
        super().__init__(
            nn.Conv2d(3, width, 3),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(width, num_classes),
        )


def linear(num_classes: int = 4) -> nn.Module:
    """A network that has no width to divide."""
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, num_classes))


@pytest.fixture
def tiny():
    register_builder("tiny", Tiny)
    return spec("python:tiny", num_classes=4, image_size=16)


@pytest.fixture
def subject(tiny):
    return Subject(large=tiny, ensemble=cotrain.divide(tiny, 2, seed=0))


def test_a_network_that_divides_passes_every_check_that_can_be_run(tiny):
    record = judge(tiny, 2, max_params=10**6, export=True)
    width = record["params"] * sum(p.numel() for p in Tiny().parameters()) / 2
    assert record["outcome"] == "divided"
    assert abs(record["params"] - 1) <= 0.05
    assert width == pytest.approx(sum(p.numel() for p in Tiny(45).parameters()), rel=0.06)
    assert record["unevenness"] <= 1.25
    verdicts = {name: each.partition(":")[0] for name, each in record["checks"].items()}
    assert set(verdicts.values()) <= {"passed", "not run"}
    assert [verdicts[name] for name in ("forward", "backward", "load", "identity", "export")] == (
        ["passed"] * 5
    )


def test_a_network_that_does_not_divide_is_refused_in_one_line():
    register_builder("linear", linear)
    large: Any = spec("python:linear", num_classes=4, image_size=16)
    record = judge(large, 2, max_params=10**6, export=False)
    assert record["outcome"] == "refused"
    assert "cannot be divided" in record["reason"]
    assert "\n" not in record["reason"]


def test_a_network_that_is_too_large_is_divided_but_not_checked(tiny):
    record = judge(tiny, 2, max_params=1, export=False)
    assert record["outcome"] == "divided"
    assert set(record["checks"].values()) == {"not run: the network is too large"}


def test_an_error_that_is_not_for_users_is_a_crash_with_its_place(tiny, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("no widths")

    monkeypatch.setattr(cotrain, "divide", fail)
    record = judge(tiny, 2, max_params=10**6, export=False)
    assert record["outcome"] == "crashed"
    assert record["reason"].startswith("ZeroDivisionError at test_any_network.py:")


def test_a_failed_check_of_the_function_is_a_wrong_function(tiny, monkeypatch):
    monkeypatch.setitem(checks.CHECKS, "load", lambda _: "failed: other logits")
    record = judge(tiny, 2, max_params=10**6, export=False)
    assert record["outcome"] == "wrong function"
    assert record["reason"] == "load failed: other logits"


def test_forward_wants_finite_logits(subject):
    with torch.no_grad():
        subject.first[-1].bias[0] = float("nan")
    assert checks.forward(subject) == "failed: logits are not finite"


def test_backward_excuses_only_what_the_large_network_leaves_out(subject):
    subject.first.unused = nn.Parameter(torch.ones(1))
    large = subject.large_network
    subject.first.forward = lambda x: nn.Sequential.forward(
        nn.Sequential(*[each for each in subject.first if isinstance(each, nn.Module)]), x
    )
    assert checks.backward(subject) == "failed: unused have no finite gradient"
    large.unused = nn.Parameter(torch.ones(1))
    assert checks.backward(subject) == "passed"


def test_a_guard_that_fails_itself_is_not_a_wrong_function(subject, monkeypatch):
    def fail(*_):
        raise TypeError("expected Float")

    monkeypatch.setattr("any_network_functions.check_same_outputs", fail)
    assert checks.CHECKS["identity"](subject) == (
        "not run: it cannot be compared (TypeError: expected Float)"
    )
    monkeypatch.setattr("any_network_functions.same_function", lambda *_: False)
    assert checks.CHECKS["same function"](subject) == (
        "not run: the structure, which was not used, computes another function"
    )


def test_networks_with_the_same_weights_are_not_independent(tiny):
    ensemble = cotrain.divide(tiny, 2, initialization="identical", seed=0)
    verdict = checks.independent(Subject(large=tiny, ensemble=ensemble))
    assert verdict == "failed: 0.bias, 0.weight, 3.bias and 3 more are equal in two networks"


def test_the_spread_is_the_factor_by_which_std_is_off(subject):
    assert checks.initialisation(subject) == "passed"
    assert 1 <= subject.spread["median"] < 1.1
    with torch.no_grad():
        subject.first[3].weight.mul_(10)
    checks.initialisation(subject)
    assert subject.spread["where"] == "3.weight"
    assert subject.spread["largest"] == pytest.approx(10, rel=0.2)


def test_two_networks_of_every_module_are_drawn_and_none_was_seen():
    seen = set(read_names(SEEN))
    drawn = draw_unseen(seen, seed=0)
    assert not seen & set(drawn)
    assert len(set(drawn)) == len(drawn)
    modules = [
        timm.model_entrypoint(name.partition(":")[2]).__module__
        for name in drawn
        if name.startswith("timm:")
    ]
    assert max(map(modules.count, modules)) == 2
    assert sum(name.startswith("hf:") for name in drawn) == 5
    assert drawn == draw_unseen(seen, seed=0)
    assert drawn != draw_unseen(seen, seed=1)


def line(into: int, **facts) -> str:
    return json.dumps({"network": "timm:x", "into": into, "checks": {}, **facts}) + "\n"


@pytest.fixture
def protocol(tmp_path):
    options = any_network.parse(["timm:x", "--into", "2,4"])
    return any_network.protocol_of(options)


def measured(protocol, monkeypatch, *ends):
    """The records when the processes of a network end so, one after the other."""
    coming, asked = list(ends), []

    def run(question):
        asked.append(question["into"])
        return coming.pop(0)

    monkeypatch.setattr(any_network, "run_process", run)
    return any_network.measure_network("timm:x", [2, 4], protocol), asked


def test_a_process_that_is_stopped_counts_where_it_was(protocol, monkeypatch):
    ends = ([], "timeout: 180 s"), ([line(4, outcome="refused", ended=True)], "")
    records, asked = measured(protocol, monkeypatch, *ends)
    assert [each["outcome"] for each in records] == ["timeout", "refused"]
    assert asked == [[2, 4], [4]]


def test_a_division_stands_when_its_checks_take_too_long_but_not_when_they_crash(
    protocol, monkeypatch
):
    facts = {"outcome": "divided", "mechanism": "structural"}
    ends = (
        ([line(2, **facts)], "timeout: 180 s"),
        ([line(4, **facts), line(4, **facts)], "crashed: Segmentation fault"),
    )
    (first, second), _ = measured(protocol, monkeypatch, *ends)
    assert (first["outcome"], first["stopped"]) == ("divided", "timeout: 180 s")
    assert (second["outcome"], second["reason"]) == ("crashed", "crashed: Segmentation fault")


def test_a_stopped_run_goes_on_only_under_the_same_protocol(protocol, tmp_path):
    journal = tmp_path / "results" / "any.jsonl"
    assert any_network.begin(journal, protocol) == []
    with journal.open("a") as file:
        file.write(line(2, outcome="divided") + '{"network": "cut')
    records = any_network.begin(journal, protocol)
    assert [each["outcome"] for each in records] == ["divided"]
    assert "cut" not in journal.read_text()
    other = copy.deepcopy(protocol) | {"code": "other"}
    with pytest.raises(SystemExit, match="begun with other code: give another --results"):
        any_network.begin(journal, other)


def test_a_real_process_reports_an_unknown_network(protocol):
    records = any_network.measure_network("python:nobody", [2], protocol)
    assert [each["outcome"] for each in records] == ["refused"]
    assert "nobody" in records[0]["reason"]
