"""What a comparison trains, and what it costs."""

from dataclasses import replace

import pytest

from cotrain import divide, networks
from cotrain.candidates import cost_of, list_candidates
from cotrain.config import CoTrainingOptions, Experiment, Views


def test_every_s_in_order_then_the_largest_independent():
    candidates = list_candidates(Experiment(), (4, 1, 2), independent=True)
    assert [each.name for each in candidates] == ["S=1", "S=2", "S=4", "S=4 independent"]
    assert [each.slug for each in candidates] == ["s1", "s2", "s4", "s4-independent"]
    assert [each.experiment.into for each in candidates] == [1, 2, 4, 4]


def test_independent_networks_share_no_loss_view_or_start():
    ablated = Experiment(
        views=Views(same_view=True),
        co_training=CoTrainingOptions(initialization="identical", label_smoothing=0.1),
    )
    alone = list_candidates(ablated, (2,), independent=True)[1].experiment
    assert alone.views.same_view is False
    assert alone.co_training == CoTrainingOptions(weight=0.0, label_smoothing=0.1)
    assert replace(alone, views=ablated.views, co_training=ablated.co_training) == replace(
        ablated, into=2
    )


@pytest.mark.parametrize(
    ("experiment", "into", "independent"),
    [
        (Experiment(), (1, 2), False),
        (Experiment(), (1,), True),  # one network is independent anyway
        (Experiment(co_training=CoTrainingOptions(weight=0.0)), (1, 2), True),  # it is S=2
    ],
)
def test_nothing_is_trained_twice(experiment, into, independent):
    candidates = list_candidates(experiment, into, independent)
    assert [each.name for each in candidates] == [f"S={s}" for s in into]


@pytest.mark.parametrize(("into", "params"), [(1, 308_074), (2, 319_490), (4, 311_016)])
def test_cost_beside_the_large_networks(into, params):
    spec = networks.spec("basic_resnet", num_classes=10, in_channels=1, image_size=8)
    cost = cost_of(divide(spec, into))
    assert cost.params == params
    assert cost.params_ratio == pytest.approx(params / 308_074)
    assert cost.equal


def test_unequal_cost_is_marked():
    spec = networks.spec("basic_resnet8_4", num_classes=10, in_channels=1, image_size=8)
    cost = cost_of(divide(spec, 9))  # width 4 becomes 1
    assert cost.equal is False
    assert not 0.85 <= cost.params_ratio <= 1.15 or not 0.85 <= cost.macs_ratio <= 1.15
