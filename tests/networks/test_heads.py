"""Weights of a network of other classes."""

import pytest
import torch
from torch import nn

from cotrain.basics.errors import ConfigError
from cotrain.networks import build, spec
from cotrain.networks.heads import (
    check_head,
    features_of,
    is_of_head,
    load_but_head,
    logit_layers,
    one_head,
)


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


class _TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(12, 4))
        self.one, self.two = nn.Linear(4, 2), nn.Linear(4, 2)

    def forward(self, images):
        features = self.body(images)
        return self.one(features) + self.two(features)


@pytest.mark.parametrize(
    ("arch", "name", "shape"),
    [
        ("basic_resnet8_4", "fc", (16,)),
        ("timm:test_resnet", "fc", (96,)),
        ("torchvision:squeezenet1_1", "classifier.1", (512, 3, 3)),  # a convolution, then pooled
    ],
)
def test_what_the_head_gets_gives_the_logits(arch, name, shape):
    torch.manual_seed(0)
    network = build(spec(arch, num_classes=5, in_channels=3, image_size=64)).eval()
    images = torch.randn(3, 3, 64, 64)
    if arch.startswith("torchvision"):
        with pytest.raises(ConfigError, match=r"head cannot be told .* one layer, classifier.1, g"):
            one_head(network, (3, 64, 64))
        return
    assert one_head(network, (3, 64, 64)) == (name, shape)
    features = features_of(network, name, images)
    assert features is not None
    assert network.get_submodule(name)(features).equal(network(images))


def test_two_heads_are_not_one():
    network = _TwoHeads()
    with pytest.raises(ConfigError, match=r"cannot be told from the backbone, .* layer, two, give"):
        check_head(network, (3, 2, 2))
    assert network.training
    network.__dict__["pretrained_cfg"] = {"classifier": ("one", "two")}  # as timm says it
    check_head(network, (3, 2, 2))
    with pytest.raises(ConfigError, match=r"one layer, one or two, gives"):
        one_head(network, (3, 2, 2))
