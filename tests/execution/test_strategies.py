"""Every strategy answers as the ensemble itself does, and leaves it and the caller alone."""

import copy
import threading
from dataclasses import replace
from typing import Any

import pytest
import torch
from assembled import mixed
from torch import nn

from cotrain import ConfigError, Ensemble, divide, networks
from cotrain.ensemble.spec import EnsembleSpec
from cotrain.execution import Acceleration, NetworkError, prepare

LIGHT = Acceleration(channels_last=True, fold=True)
FOLD = Acceleration(fold=True)
CASES = [
    ("loop", Acceleration()),
    ("loop", LIGHT),
    ("threads", Acceleration()),
    ("threads", LIGHT),
    ("devices", Acceleration()),
    ("devices", LIGHT),
    ("stacked", Acceleration()),
    ("stacked", FOLD),
]
NAMES = ["basic_resnet8_8", "wide_resnet10_2", "shake", "se_resnet20"]


def lively(ensemble):
    """Weights and statistics that no mistake leaves unseen."""
    torch.manual_seed(1)
    for layer in ensemble.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias)
            assert layer.running_mean is not None
            assert layer.running_var is not None
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2)
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight)
    return ensemble


def small(name="basic_resnet8_8", into=3):
    shape: dict[str, Any] = {"num_classes": 5, "in_channels": 3, "image_size": 16}
    if name == "shake":
        spec = replace(networks.spec("shake_resnet26_2x96d", **shape), width=8)
        ensemble_spec = EnsembleSpec.of_equal(spec, into, large=spec)
        return lively(Ensemble([networks.build(spec) for _ in range(into)], ensemble_spec))
    return lively(divide(networks.spec(name, **shape), into, seed=0))


def options(strategy) -> dict[str, Any]:
    return {"devices": ["cpu", "cpu"]} if strategy == "devices" else {}


def expected(ensemble, images):
    with torch.no_grad():
        return copy.deepcopy(ensemble).eval()(images)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("strategy", "acceleration"), CASES)
def test_logits_are_those_of_the_ensemble(name, strategy, acceleration):
    ensemble = small(name, into=2)
    images = torch.randn(2, 3, 16, 16)
    with prepare(ensemble, strategy, acceleration=acceleration, **options(strategy)) as execution:
        logits = execution(images)
    torch.testing.assert_close(logits, expected(ensemble, images), rtol=1e-4, atol=1e-3)
    assert not logits.requires_grad
    assert execution.name == strategy


@pytest.mark.parametrize("strategy", ["loop", "threads", "devices", "stacked"])
def test_each_network_can_have_its_own_view(strategy):
    ensemble = small()
    views = torch.randn(3, 2, 3, 16, 16)
    with prepare(ensemble, strategy, **options(strategy)) as execution:
        torch.testing.assert_close(execution(views), expected(ensemble, views))


def test_stacked_networks_take_images_of_any_layout():
    """Warnings are errors: torch warns where vmap has no fast path."""
    ensemble = small()
    pixels = torch.randn(2, 16, 16, 3).permute(0, 3, 1, 2)
    views = torch.randn(3, 2, 16, 16, 3).permute(0, 1, 4, 2, 3)
    with prepare(ensemble, "stacked") as execution:
        for images in (pixels, views):
            found = execution(images)
            torch.testing.assert_close(found, expected(ensemble, images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("strategy", ["loop", "threads"])
def test_plain_answers_are_equal_bit_for_bit(strategy):
    ensemble, images = small(into=4), torch.randn(2, 3, 16, 16)
    with prepare(ensemble, strategy) as execution:
        assert torch.equal(execution(images), expected(ensemble, images))


@pytest.mark.parametrize(("strategy", "acceleration"), CASES)
def test_networks_that_differ_answer_by_all_but_stacked(strategy, acceleration):
    *_, ensemble = mixed()
    how: dict[str, Any] = {"acceleration": acceleration, **options(strategy)}
    if strategy == "stacked":
        with pytest.raises(ConfigError, match="'stacked': the networks differ in structure"):
            prepare(ensemble, strategy, **how)
        return
    images, views = torch.randn(2, 1, 8, 8), torch.randn(3, 2, 1, 8, 8)
    with prepare(ensemble, strategy, **how) as execution:
        for given in (images, views):
            torch.testing.assert_close(
                execution(given), expected(ensemble, given), rtol=1e-4, atol=1e-4
            )


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_any_number_of_workers(workers):
    ensemble, images = small(into=4), torch.randn(2, 3, 16, 16)
    before = set(threading.enumerate())
    with prepare(ensemble, "threads", workers=workers) as execution:
        assert len(set(threading.enumerate()) - before) == workers
        torch.testing.assert_close(execution(images), expected(ensemble, images))
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize(("strategy", "acceleration"), CASES)
def test_the_networks_stay_as_they_are(strategy, acceleration):
    ensemble: Any = small(into=2).train()
    ensemble.networks[1].fc.eval()
    modes = [layer.training for layer in ensemble.modules()]
    state = {name: tensor.clone() for name, tensor in ensemble.state_dict().items()}
    strides = [tensor.stride() for tensor in ensemble.state_dict().values()]
    with prepare(ensemble, strategy, acceleration=acceleration, **options(strategy)) as execution:
        execution(torch.randn(2, 3, 16, 16))
    assert [layer.training for layer in ensemble.modules()] == modes
    assert [tensor.stride() for tensor in ensemble.state_dict().values()] == strides
    for name, tensor in ensemble.state_dict().items():
        assert torch.equal(tensor, state[name])
    assert all(parameter.requires_grad for parameter in ensemble.parameters())


class Fragile(nn.Module):
    """Fails where an image says so."""

    def __init__(self, limit):
        super().__init__()
        self.limit = limit
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, images):
        if float(images.max()) > self.limit:
            raise ValueError("too bright")
        return images.mean((2, 3)) * self.weight


@pytest.mark.parametrize("strategy", ["loop", "threads", "devices"])
def test_a_failing_network_names_itself_once_and_the_execution_goes_on(strategy):
    fragile = [Fragile(10), Fragile(10), Fragile(1)]
    before = set(threading.enumerate())
    with prepare(fragile, strategy, **options(strategy)) as execution:
        with pytest.raises(NetworkError, match=r"^network 2: too bright$") as caught:
            execution(torch.full((1, 3, 4, 4), 5.0))
        assert caught.value.index == 2
        assert execution(torch.ones(1, 3, 4, 4)).tolist() == [[[1.0] * 3]] * 3
    assert set(threading.enumerate()) <= before


def test_a_closed_execution_says_so():
    execution = prepare(small(), "threads")
    execution.close()
    execution.close()
    with pytest.raises(ConfigError, match="'threads' is closed"):
        execution(torch.randn(1, 3, 16, 16))


def test_an_execution_that_is_forgotten_leaves_no_threads():
    before = set(threading.enumerate())
    execution = prepare(small(), "threads", workers=2)
    execution(torch.randn(1, 3, 16, 16))
    del execution
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=10)
    assert set(threading.enumerate()) <= before


def test_autocast_reaches_the_threads():
    ensemble, images = small(), torch.randn(2, 3, 16, 16)
    with prepare(ensemble, "threads") as execution, torch.autocast("cpu", torch.bfloat16):
        logits = execution(images)
        wanted = expected(ensemble, images)
    assert logits.dtype == wanted.dtype == torch.bfloat16
    assert torch.equal(logits, wanted)


REFUSED = [
    ({"strategy": "thread"}, "'thread' is not known"),
    ({"strategy": "threads", "workers": 0}, "workers=0 is below 1"),
    ({"strategy": "devices", "devices": []}, "no CUDA device"),
    ({"strategy": "streams"}, r"on \['cpu'\].*use 'loop' or 'threads'$"),
    ({"strategy": "cuda_graphs"}, r"on \['cpu'\].*use 'loop' or 'threads'$"),
    ({"strategy": "stacked", "acceleration": LIGHT}, "no layout channels_last"),
    ({"strategy": "auto"}, "give example=images"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_what_cannot_be_is_refused_with_what_can(arguments, message):
    with pytest.raises(ConfigError, match=message):
        prepare(small(), **arguments)


def test_networks_of_different_structure_are_not_stacked():
    different = [small().networks[0], small("wide_resnet10_2").networks[0]]
    with pytest.raises(ConfigError, match=r"differ in structure: use 'loop'"):
        prepare(different, "stacked")
    heads = [nn.TransformerEncoderLayer(4, heads, 8) for heads in (1, 2)]  # print the same
    with pytest.raises(ConfigError, match=r"differ in structure: use 'loop'"):
        prepare(heads, "stacked")


def test_images_and_networks_have_to_fit():
    with pytest.raises(ConfigError, match="S=3"):
        prepare(small(), "loop")(torch.randn(2, 2, 3, 16, 16))
    with pytest.raises(ConfigError, match="networks: none given"):
        prepare([], "loop")
    with pytest.raises(ConfigError, match="'stacked' fails for these networks or images"):
        prepare(small(), "stacked")(torch.randn(2, 1, 16, 16))


HALF = [
    ("loop", Acceleration(dtype="bf16")),
    ("loop", replace(LIGHT, dtype="bf16")),
    ("loop", replace(LIGHT, dtype="fp16")),
    ("threads", replace(LIGHT, dtype="bf16")),
    ("stacked", replace(FOLD, dtype="bf16")),
]


@pytest.mark.parametrize(("strategy", "acceleration"), HALF)
def test_half_precision_rounds_the_logits_and_gives_them_in_float32(strategy, acceleration):
    ensemble = small("wide_resnet10_2", into=2)
    images = torch.randn(4, 3, 16, 16)
    exact = expected(ensemble, images)
    with prepare(ensemble, strategy, acceleration=acceleration) as execution:
        logits = execution(images)
    assert logits.dtype == torch.float32
    difference = float((logits - exact).abs().max() / exact.abs().max())
    assert 1e-5 < difference < 0.05
    assert {parameter.dtype for parameter in ensemble.parameters()} == {torch.float32}
    torch.testing.assert_close(expected(ensemble, images), exact, rtol=0, atol=0)


def test_dtype_of_prepare_is_that_of_the_acceleration():
    ensemble, images = small(into=2), torch.randn(2, 3, 16, 16)
    asked = prepare(ensemble, "loop", acceleration=LIGHT, dtype="bf16")(images)
    meant = prepare(ensemble, "loop", acceleration=replace(LIGHT, dtype="bf16"))(images)
    assert torch.equal(asked, meant)
    assert str(replace(LIGHT, dtype="bf16")) == "channels_last + fold + bf16"
    with pytest.raises(ConfigError, match=r"dtype='half' is not known: use one of fp32, bf16, fp1"):
        prepare(ensemble, "loop", dtype="half")  # type: ignore[arg-type]


def test_double_precision_is_kept_where_no_dtype_is_asked_for():
    ensemble, images = small(into=2).double(), torch.randn(2, 3, 16, 16, dtype=torch.float64)
    for how in (Acceleration(), LIGHT):
        logits = prepare(ensemble, "loop", acceleration=how)(images)
        torch.testing.assert_close(logits, expected(ensemble, images), rtol=1e-10, atol=1e-9)
