"""What dividing costs and changes, against the published numbers."""

import math

import pytest

from cotrain import ConfigError
from cotrain.dividing.division import describe_division, is_equal_cost, network_cost
from cotrain.networks import spec


def test_wide_resnet28_10_into_4_is_the_published_division():
    division = describe_division(spec("wide_resnet28_10"), 4, weight_decay=5e-4)
    large, small = division.large, division.small
    assert (division.network, division.into) == ("wide_resnet28_10", 4)
    assert (large.params, large.macs) == (36_539_124, 5_243_386_368)
    assert (small.params, small.macs) == (9_162_644, 1_317_747_968)
    assert large.widths == (16, 160, 320, 640)
    assert small.widths == (16, 80, 160, 320)
    assert division.params_ratio == pytest.approx(4 * 9_162_644 / 36_539_124)
    assert division.macs_ratio == pytest.approx(4 * 1_317_747_968 / 5_243_386_368)
    assert is_equal_cost(division.params_ratio)
    assert is_equal_cost(division.macs_ratio)
    assert division.weight_decay == 5e-4
    assert division.divided_weight_decay == pytest.approx(5e-4 * math.exp(-0.75))


def test_dropout_is_shown_divided():
    division = describe_division(spec("wide_resnet40_10"), 2, weight_decay=0.0)
    assert division.large.regularization == {"dropout": 0.1}
    assert division.small.regularization == {"dropout": pytest.approx(0.05)}
    assert division.divided_weight_decay == 0


def test_into_1_costs_what_the_large_network_costs():
    division = describe_division(spec("resnet11"), 1, weight_decay=1e-4)
    assert division.small == division.large
    assert (division.params_ratio, division.macs_ratio) == (1, 1)
    assert division.divided_weight_decay == 1e-4


def test_costs_follow_classes_and_image_size():
    small, big = (
        network_cost(spec("basic_resnet", num_classes=classes, image_size=size))
        for classes, size in ((10, 8), (20, 16))
    )
    assert big.params - small.params == 10 * (128 + 1)
    assert big.macs - 128 * 20 == 4 * (small.macs - 128 * 10)


def test_an_impossible_division_is_refused():
    with pytest.raises(ConfigError, match="the nearest that works is into=4"):
        describe_division(spec("resnext29_8x64d"), 3, weight_decay=0.0)


@pytest.mark.parametrize(
    ("ratio", "equal"),
    [(0.849, False), (0.85, True), (1.0, True), (1.15, True), (1.151, False)],
)
def test_equal_cost_is_within_15_percent(ratio, equal):
    assert is_equal_cost(ratio) is equal
