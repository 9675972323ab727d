"""Which checkpoints of timm's list are taken for a share of the large network's cost."""

import pytest
import timm
from listed_checkpoints import LISTED

from cotrain import ConfigError
from cotrain.networks import spec_for_images
from cotrain.planning import matching
from cotrain.planning.alternative import Kept, MeasuredNetwork, measured
from cotrain.planning.matching import Checkpoints


@pytest.fixture(autouse=True)
def _short_list(monkeypatch):
    monkeypatch.setattr(matching, "published_checkpoints", lambda: LISTED)


def network(name: str) -> MeasuredNetwork:
    spec = spec_for_images(name, num_classes=10, in_channels=3, image_size=224)
    return measured(name, spec)


def checkpoints(by: Kept = "params") -> Checkpoints:
    return Checkpoints(network("timm:resnet18"), by)


def names(found) -> list[str]:
    return [each.name.removeprefix("timm:") for each in found]


def test_each_is_another_network_of_another_upstream():
    found = checkpoints().best(2, 0.4, 0.62)
    assert names(found) == ["resnet10t.first_in1k", "regnety_006.third_ft_in1k"]
    assert [each.top1 for each in found] == [73.0, 70.0]


def test_costs_are_measured_for_the_users_classes():
    (found,) = checkpoints().best(1, 0.4, 0.62)
    module = timm.create_model("resnet10t", num_classes=10)
    assert found.params == sum(each.numel() for each in module.parameters())


def test_others_fill_up_where_these_are_too_few():
    assert names(checkpoints().best(3, 0.4, 0.62))[2] == "resnet10t.c3_in1k"
    assert len(checkpoints().best(9, 0.4, 0.62)) == 4


def test_an_upstream_can_be_left_out():
    found = checkpoints().best(1, 0.4, 0.62, apart_from={"first_in1k"})
    assert names(found) == ["resnet10t.c3_in1k"]


def test_the_cost_that_is_not_kept_is_no_larger_either():
    # resnet10t takes more than 0.6 of the MACs.
    assert names(checkpoints().best(9, 0.4, 0.6)) == [
        "regnetx_006.first_in1k",
        "regnety_006.third_ft_in1k",
    ]
    assert names(checkpoints("macs").best(1, 0.02, 0.1)) == []
    assert names(checkpoints("macs").best(1, 0.02, 0.2)) == ["mobilenetv3_small_100.fourth_in1k"]


def test_a_tag_names_the_weights():
    assert checkpoints().large.name == "timm:resnet18.big_in21k_ft_in1k"
    assert checkpoints().large.upstream == "big_in21k"
    assert Checkpoints(network("timm:resnet10t.c3_in1k"), "params").large.top1 == 72.0
    with pytest.raises(ConfigError, match="no pretrained weights in timm's list"):
        Checkpoints(network("timm:resnet18.a1_in1k"), "params")
