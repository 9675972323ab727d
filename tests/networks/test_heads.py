"""Weights of a network of other classes."""

import pytest
import torch
from torch import nn

from cotrain.networks import build, spec
from cotrain.networks.heads import is_of_head, load_but_head, logit_layers


def _network(classes):
    torch.manual_seed(classes)
    return build(spec("basic_resnet8_4", num_classes=classes, in_channels=1, image_size=8))


def test_all_but_the_head_is_loaded_where_classes_differ():
    network, other = _network(10), _network(7)
    before = {name: each.clone() for name, each in network.state_dict().items()}
    load_but_head(network, other.state_dict())
    for name, each in network.state_dict().items():
        wanted = before[name] if is_of_head(name, network) else other.state_dict()[name]
        assert each.equal(wanted), name


def test_the_head_is_loaded_where_classes_agree():
    network = _network(10)
    torch.manual_seed(1)
    other = build(spec("basic_resnet8_4", num_classes=10, in_channels=1, image_size=8))
    load_but_head(network, other.state_dict())
    assert all(each.equal(network.state_dict()[k]) for k, each in other.state_dict().items())


@pytest.mark.parametrize("change", ["lacks", "has too many", "other shape"])
def test_what_does_not_fit_is_refused(change):
    network, state = _network(10), dict(_network(7).state_dict())
    name = next(iter(state))
    if change == "lacks":
        del state[name]
    elif change == "has too many":
        state["more"] = torch.zeros(1)
    else:
        state[name] = torch.zeros(1)
    with pytest.raises(RuntimeError, match=name if change != "has too many" else "more"):
        load_but_head(network, state)


def test_the_head_is_what_gives_the_logits():
    assert logit_layers(nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 3))) == {"2"}
