"""The advice on widths, and that its evidence is what was published of networks so wide."""

import pytest
import torch

from cotrain.config.published import PUBLISHED
from cotrain.dividing import divide_spec
from cotrain.dividing.advice import WIDE_ENOUGH, advise, evidence
from cotrain.networks import build, spec
from cotrain.networks.stages import narrowest_stage

# By data set: network, S, width of its narrowest stage, points gained.
EXPECTED = {
    "cifar100": {
        ("resnet110", 4, 8, -0.60),
        ("se_resnet110", 4, 8, -0.42),
        ("se_resnet164", 4, 8, 0.16),
        ("resnet164", 4, 8, 0.33),
        ("se_resnet110", 2, 12, 0.54),
        ("resnet110", 2, 12, 0.64),
        ("se_resnet164", 2, 12, 1.06),
        ("resnet164", 2, 12, 1.26),
        ("efficientnetb0", 2, 12, 0.30),
        ("efficientnetb0", 4, 12, 0.65),
    },
    "imagenet": {
        ("efficientnetb7", 2, 24, 0.91),
        ("efficientnetb7", 4, 24, 0.92),
        ("wide_resnet50_2", 2, 64, -1.02),
    },
}


@pytest.mark.parametrize("dataset", EXPECTED)
def test_the_evidence_is_what_was_published_of_narrow_networks(dataset):
    found = evidence(dataset)
    assert {(e.network, e.into, e.narrowest, e.gain) for e in found} == EXPECTED[dataset]
    assert len(found) == len(EXPECTED[dataset])


@pytest.mark.parametrize("dataset", EXPECTED)
def test_every_network_that_is_wide_enough_gained(dataset):
    """As the advice says."""
    narrow = {(network, into) for network, into, _, _ in EXPECTED[dataset]}
    usual = {
        (row.network, row.into): row.error
        for row in PUBLISHED
        if row.dataset == dataset and row.epochs == {"cifar100": 300, "imagenet": 120}[dataset]
    }
    wide = {case for case in usual if case[1] > 1 and case not in narrow}
    assert len(wide) == {"cifar100": 14, "imagenet": 2}[dataset]
    assert all(usual[case] < usual[case[0], 1] for case in wide)


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
    assert width >= WIDE_ENOUGH[dataset]
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
