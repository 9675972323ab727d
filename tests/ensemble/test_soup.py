"""Means of weights, against plain loops, and what cannot be averaged."""

from dataclasses import replace

import pytest
import torch

from cotrain import ConfigError, divide
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.cascade import Cascade, Stage
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.ensemble.soup import average, check_alike


def test_weights_are_the_mean_and_counters_the_first_ones() -> None:
    ensembles = [divide("basic_resnet8_4", 2, seed=seed) for seed in range(3)]
    before = [{n: t.clone() for n, t in each.state_dict().items()} for each in ensembles]
    for index, each in enumerate(ensembles):
        each.networks[0].get_buffer("layer0.1.num_batches_tracked").fill_(index + 5)
    soup = average(ensembles).state_dict()
    assert int(soup["networks.0.layer0.1.num_batches_tracked"]) == 5
    for name, tensor in soup.items():
        if tensor.is_floating_point():
            expected = sum(each[name].double() for each in before) / 3
            torch.testing.assert_close(tensor.double(), expected, rtol=1e-6, atol=1e-7)
    for each, old in zip(ensembles, before, strict=True):
        assert torch.equal(each.state_dict()["networks.1.fc.weight"], old["networks.1.fc.weight"])


def test_what_was_fitted_to_one_is_not_the_soups() -> None:
    first, second = (divide("basic_resnet8_4", 2, seed=seed) for seed in (0, 1))
    stage = Stage(networks=1, threshold=0.9)
    first.spec = replace(
        first.spec,
        calibration=Calibration(combine="mean_logits", temperature=2.0, images=100),
        cascade=Cascade(
            combine="mean_logits",
            order=(1, 0),
            signal="margin",
            stages=(stage,),
            images=100,
            accuracy=0.9,
            share=0.6,
        ),
    )
    assert average([first, second]).spec == second.spec


def test_what_is_not_alike_is_named() -> None:
    first, second = (divide("basic_resnet8_4", 2, seed=seed) for seed in (0, 1))
    check_alike({"a": first, "b": second})
    shape = Preprocessing(image_size=32, in_channels=3, mean=(0.5,) * 3, std=(0.5,) * 3)
    for what, other in {
        "network": divide("basic_resnet8_4", 2, sized_for=1, seed=0),
        "into": divide("basic_resnet8_4", 3, sized_for=2, seed=0),
        "large network": divide("basic_resnet8_8", 2, seed=0),
    }.items():
        with pytest.raises(ConfigError, match=f"b has another {what} than a"):
            check_alike({"a": first, "b": other})
    for what, value in {"classes": tuple("0123456789"), "preprocessing": shape}.items():
        second.spec = replace(first.spec, **{what: value})
        with pytest.raises(ConfigError, match=f"b has another {what} than a"):
            check_alike({"a": first, "b": second})
