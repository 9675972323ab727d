"""What a comparison trains, and what it costs."""

from dataclasses import replace

import pytest

from cotrain import ConfigError, divide, networks
from cotrain.comparison.accuracy.candidates import ABLATIONS, list_candidates
from cotrain.config import CoTrainingOptions, Experiment, Hardware, Views
from cotrain.ensemble.cost import cost_of


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


def test_ablations_change_one_setting_of_the_largest():
    base = replace(Experiment(), into=4)
    names = list(ABLATIONS)
    assert names == ["views", "loss", "init", "separate"]
    found = list_candidates(Experiment(), (1, 4), False, names)[2:]
    assert {each.slug: each.experiment for each in found} == {
        "s4-views": replace(base, views=Views(same_view=True)),
        "s4-loss": replace(base, co_training=CoTrainingOptions(weight=0.0)),
        "s4-init": replace(base, co_training=CoTrainingOptions(initialization="identical")),
        "s4-separate": replace(base, co_training=CoTrainingOptions(together=False)),
    }
    assert [each.name for each in found] == [
        "S=4 same view",
        "S=4 no co-training loss",
        "S=4 identical init",
        "S=4 trained separately",
    ]


def test_networks_trained_separately_take_turns_however_the_others_run():
    base = Experiment(hardware=Hardware(execution="auto"))
    together, apart = list_candidates(base, (2,), False, ["separate"])
    assert together.experiment.hardware.execution == "auto"
    assert apart.experiment.hardware.execution == "loop"


def test_an_ablation_that_makes_the_networks_independent_shares_their_runs():
    found = list_candidates(Experiment(), (2,), True, ("loss", "init"))
    assert [each.name for each in found] == [
        "S=2",
        "S=2 independent, no co-training loss",
        "S=2 identical init",
    ]
    assert found[1].slug == "s2-independent"
    ablated = Experiment(views=Views(same_view=True))  # there both are candidates of their own
    slugs = [each.slug for each in list_candidates(ablated, (2,), True, ("loss",))]
    assert slugs == ["s2", "s2-independent", "s2-loss"]


@pytest.mark.parametrize(
    ("experiment", "into", "name", "message"),
    [
        (Experiment(), 2, "mixup", "'mixup' is not known: use some of views, loss, init, separate"),
        (Experiment(), 1, "views", "ablation='views' changes nothing: give --into an S above 1"),
        (Experiment(views=Views(same_view=True)), 2, "views", "ablation='views' changes nothing"),
    ],
)
def test_impossible_ablations_are_refused(experiment, into, name, message):
    with pytest.raises(ConfigError) as error:
        list_candidates(experiment, (into,), False, (name,))
    assert message in str(error.value)


def test_a_sweep_is_a_candidate_for_every_other_weight():
    found = list_candidates(Experiment(), (1, 4), True, ("loss",), sweep=(0, 0.1, 0.5, 2.0))
    assert [(each.slug, each.experiment.co_training.weight) for each in found] == [
        ("s1", 0.5),
        ("s4", 0.5),
        ("s4-independent", 0.0),
        ("s4-weight0.1", 0.1),
        ("s4-weight2", 2.0),
    ]
    assert [each.name for each in found[1:]] == [
        "S=4, weight 0.5",
        "S=4 independent, no co-training loss, weight 0",
        "S=4 weight 0.1",
        "S=4 weight 2",
    ]


def test_every_s_that_is_named_is_varied():
    found = list_candidates(Experiment(), (1, 4, 2), True, ("init",), (0.5, 2), varied=(4, 2))
    assert [each.name for each in found] == [
        "S=1",
        "S=2, weight 0.5",
        "S=4, weight 0.5",
        *("S=2 independent", "S=2 identical init", "S=2 weight 2"),
        *("S=4 independent", "S=4 identical init", "S=4 weight 2"),
    ]
    assert [each.experiment.into for each in found] == [1, 2, 4, 2, 2, 2, 4, 4, 4]


@pytest.mark.parametrize(
    ("into", "sweep", "varied", "message"),
    [
        (4, (-0.5,), (), "sweep=-0.5 is no weight of a loss: give 0 or more"),
        (4, (float("nan"),), (), "sweep=nan is no weight of a loss"),
        (4, (float("inf"),), (), "sweep=inf is no weight of a loss"),
        (1, (0.5,), (), "sweep=0.5: S=1 has no co-training: give --into an S above 1"),
        (4, (), (2,), r"varied=[2]: S=2 is not varied: give some S above 1 of into=[4]"),
        (1, (), (1,), "S=1 is not varied"),
    ],
)
def test_impossible_variations_are_refused(into, sweep, varied, message):
    with pytest.raises(ConfigError) as error:
        list_candidates(Experiment(), (into,), False, (), sweep, varied)
    assert message in str(error.value)


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
