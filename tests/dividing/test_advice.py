"""The advice on widths, and that its evidence is what was published of networks so wide."""

import pytest
import torch

from cotrain.config.published import PUBLISHED
from cotrain.dividing import divide_spec
from cotrain.dividing.advice import EVIDENCE, WIDE_ENOUGH, Evidence, advise
from cotrain.networks import build, spec
from cotrain.networks.stages import narrowest_stage

CASES = [case for cases in EVIDENCE.values() for case in cases]


def _errors(case: Evidence) -> dict[int, float]:
    epochs = 120 if case.dataset == "imagenet" else 300
    return {
        row.into: row.error
        for row in PUBLISHED
        if (row.network, row.dataset, row.epochs) == (case.network, case.dataset, epochs)
    }


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_evidence_is_what_was_published(case):
    errors = _errors(case)
    assert case.gain == pytest.approx(errors[1] - errors[case.into], abs=1e-9)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_evidence_has_the_widths_of_the_networks(case):
    narrow = divide_spec(spec(case.network, dataset=case.dataset), case.into)
    with torch.device("meta"):
        network = build(narrow)
    assert narrowest_stage(network) == case.narrowest


@pytest.mark.parametrize(
    ("network", "into", "dataset"),
    [
        ("wide_resnet16_8", 4, "cifar100"),
        ("efficientnetb3", 4, "cifar100"),
        ("wide_resnet50_3", 2, "imagenet"),
        ("resnext101_64x4d", 2, "imagenet"),
    ],
)
def test_networks_that_gained_and_are_wide_enough_are_not_warned_about(network, into, dataset):
    large = spec(network, dataset=dataset)
    with torch.device("meta"):
        width = narrowest_stage(build(divide_spec(large, into)))
    assert width is not None
    assert width >= WIDE_ENOUGH["photos" if dataset == "imagenet" else "small images"]
    assert advise(width, large.image_size) is None


def test_a_narrow_network_is_told_what_the_nearest_published_ones_gained():
    warning = advise(9, 32)
    assert warning is not None
    assert "a stage of 9 channels" in warning
    assert "resnet164 into 2, 12 wide: +1.26" in warning
    assert "8 wide" not in warning


def test_photos_have_evidence_of_their_own():
    warning = advise(64, 224)
    assert warning is not None
    assert "wide_resnet50_2 into 2, 64 wide: -1.02" in warning
    assert advise(64, 64) is None


def test_a_network_without_stages_gets_no_advice():
    assert advise(None, 32) is None
