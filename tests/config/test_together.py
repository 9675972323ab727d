"""Several networks in one experiment: how many they are, and what is for a large one alone."""

from typing import Any

import pytest

from cotrain.basics.errors import ConfigError
from cotrain.config import CoTrainingOptions, DivideOptions, Experiment, Hardware, Optimizer

NETWORK = "timm:resnet18,basic_resnet"


def test_several_names_are_as_many_networks():
    made = Experiment(network=NETWORK, into=2)
    assert made.networks == ("timm:resnet18", "basic_resnet")
    assert made.is_mixed
    alone = Experiment(network="basic_resnet", into=2)
    assert (alone.networks, alone.is_mixed) == (("basic_resnet",), False)


def test_weight_decay_is_divided_where_the_network_is():
    assert Experiment(network=NETWORK, into=2).divided_by == 1
    assert Experiment(into=2).divided_by == 2
    assert Experiment(into=1, sized_for=3).divided_by == 3


@pytest.mark.parametrize("pretrained", [True, "a.pth,b.pth", "true,b.pth"])
def test_each_of_several_networks_has_weights_of_its_own(pretrained):
    assert Experiment(network=NETWORK, into=2, pretrained=pretrained).pretrained == pretrained


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"into": 4}, f"into=4, but network={NETWORK} names 2 that are not divided: give into 2"),
        (
            {"network": "hf:vit,16", "into": 1},
            r"into=1, but network=hf:vit,16 names 2 that are not divided \(a comma in a folder's "
            r"path parts it\): give into 2",
        ),
        (
            {"sized_for": 2},
            f"sized_for=2 is for one large network, and network={NETWORK} names 2 that are not "
            "divided: leave it out",
        ),
        ({"dividing": DivideOptions(budget="macs")}, "dividing.budget=macs is .*: give params"),
        ({"dividing": DivideOptions(widths={64: 32})}, "dividing.widths=.*: leave it out"),
        (
            {"co_training": CoTrainingOptions(initialization="identical")},
            "co_training.initialization=identical is for one large network, .*: give fresh",
        ),
        ({"peer": "packed", "co_training": CoTrainingOptions(weight=0)}, "peer=packed is for .*"),
        (
            {"pretrained": "a.pth"},
            f"pretrained=a.pth, but network={NETWORK} names 2: give true, or a file for each with "
            "commas between",
        ),
        ({"network": "basic_resnet,"}, "network=basic_resnet, has a comma without a name .*"),
        ({"pretrained": True, "inherit": "runs/one"}, "pretrained=True and inherit=runs/one .*"),
    ],
)
def test_what_is_for_one_large_network_is_refused(settings, said):
    given: dict[str, Any] = {"network": NETWORK, "into": 2} | settings
    with pytest.raises(ConfigError, match=f"^{said}$"):
        Experiment(**given)


@pytest.mark.parametrize(
    ("settings", "options", "said"),
    [
        ({}, {"member": 4}, "co_training.member=4 is none of the into=4 networks: give 0 to 3"),
        ({"into": 1}, {"member": 0}, "co_training.member=0 is for .*, and into=1 is one: .*"),
        (
            {},
            {"member": 0, "together": False},
            "co_training.together=False does not go with co_training.member=0: give True",
        ),
        ({"peer": "mimo"}, {"member": 1, "weight": 0}, "peer=mimo does not go with .*: give none"),
        (
            {},
            {"exchange_steps": 5},
            "co_training.exchange_steps=5 would be ignored: co_training.member=null exchanges "
            "nothing: give --co_training.exchange_steps 100, or leave it out",
        ),
    ],
)
def test_what_a_member_cannot_have_is_refused(settings, options, said):
    with pytest.raises(ConfigError, match=f"^{said}$"):
        Experiment(**settings, co_training=CoTrainingOptions(**options))


@pytest.mark.parametrize("execution", ["threads", "cuda_graphs"])
def test_networks_that_take_turns_are_not_run_at_once(execution):
    apart = CoTrainingOptions(together=False)
    with pytest.raises(ConfigError, match=f"execution={execution} runs networks at .*: give loop$"):
        Experiment(co_training=apart, hardware=Hardware(execution=execution))


def test_a_member_is_one_network_of_the_divided_size():
    made = Experiment(into=4, co_training=CoTrainingOptions(member=2))
    assert (made.trained_networks, made.network_numbers, made.divided_by) == (1, range(2, 3), 4)
    assert Experiment(into=4).network_numbers == range(4)


def test_a_fused_optimizer_that_would_unscale_too_late_is_refused():
    optimizer = Optimizer(clip=1.0, options={"fused": True})
    with pytest.raises(
        ConfigError, match=r"leave out fused or optimizer\.clip, or give bf16-mixed"
    ):
        Experiment(optimizer=optimizer, hardware=Hardware(precision="16-mixed"))
    for precision in ("32-true", "bf16-mixed"):
        made = Experiment(optimizer=optimizer, hardware=Hardware(precision=precision))
        assert made.optimizer.options == {"fused": True}


@pytest.mark.parametrize(
    ("start", "name"), [({"pretrained": "a.pth"}, "pretrained"), ({"inherit": "run"}, "inherit")]
)
def test_identical_weights_are_fresh(start, name):
    options = CoTrainingOptions(initialization="identical")
    with pytest.raises(ConfigError, match=f"identical is of fresh weights: leave out {name}$"):
        Experiment(into=2, co_training=options, **start)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tolerance": 0.1}, r"tolerance=0\.1 .*: give 0\.05"),
        ({"widths": {8: 4}}, "widths=.* it out"),
    ],
)
def test_how_to_divide_is_refused_where_nothing_is_divided(options, said):
    dividing = DivideOptions(**options)
    with pytest.raises(ConfigError, match=f"dividing.{said}$"):
        Experiment(network="timm:resnet18", sized_for=1, dividing=dividing)
    assert Experiment(network="timm:resnet18", into=1, dividing=dividing).dividing == dividing
