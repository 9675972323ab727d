"""Drop-path is an option of the network: given to its builder, and off while it is frozen."""

import pytest
import timm
import torch
from timm.layers.drop import DropPath

import cotrain
from cotrain.networks.registry import named_spec
from cotrain.training.freezing import freeze


def _rates(network):
    return [each.drop_prob for each in network.modules() if isinstance(each, DropPath)]


def test_pretrained_networks_drop_paths_at_the_rates_of_timm(tmp_path):
    torch.manual_seed(0)
    torch.save(timm.create_model("test_vit").state_dict(), tmp_path / "w.pth")
    spec = named_spec("timm:test_vit", num_classes=3, drop_path_rate=0.2)
    ensemble = cotrain.divide(spec, 2, sized_for=1, pretrained=tmp_path / "w.pth", seed=0)
    wanted = _rates(timm.create_model("test_vit", drop_path_rate=0.2))
    assert max(wanted) == pytest.approx(0.2)
    for network in ensemble.networks:
        assert _rates(network) == wanted


def test_a_frozen_backbone_drops_none():
    spec = named_spec("timm:test_vit", num_classes=3, image_size=160, drop_path_rate=0.9)
    network = cotrain.divide(spec, 1, seed=0).networks[0]
    images = torch.randn(4, 3, 160, 160)
    freeze(network, list(network.parameters()), frozen=True)
    assert network(images).equal(network(images))
    freeze(network, list(network.parameters()), frozen=False)
    assert not network(images).equal(network(images))
