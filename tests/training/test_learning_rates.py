"""Learning rates of layers and heads, against formulas of their own and against timm's order."""

import copy

import pytest
import torch
from torch import nn

import cotrain
from cotrain.basics.errors import ConfigError
from cotrain.config import FineTuning, Optimizer
from cotrain.networks import build
from cotrain.networks.registry import named_spec
from cotrain.training.learning_rates import layers_in_order, lr_scales
from cotrain.training.optimization import build_optimizer


def _by_name(scales, module) -> dict[str, float]:
    return {name: scales[each] for name, each in module.named_parameters()}


def _depth(name: str) -> int:
    """The layer of a ResNet-18's parameter, counted by hand: stem, 8 blocks of 2 a stage, head."""
    if name.startswith("fc"):
        return 9
    if not name.startswith("layer"):
        return 0
    stage, block = name.removeprefix("layer").split(".")[:2]
    return 1 + 2 * (int(stage) - 1) + int(block)


@pytest.mark.parametrize("arch", ["timm:resnet18", "torchvision:resnet18"])
def test_each_layer_has_its_share_of_the_next_ones_rate(arch):
    ensemble = cotrain.divide(named_spec(arch, num_classes=3, image_size=32), 2, seed=0)
    scales = lr_scales(ensemble, FineTuning(layer_decay=0.75, head_lr_scale=5))
    for network in ensemble.networks:
        found = _by_name(scales, network)
        wanted = {n: 0.75 ** (9 - _depth(n)) * (5 if n[:3] == "fc." else 1) for n in found}
        assert found == pytest.approx(wanted, rel=1e-12)


def test_the_head_alone_has_another_rate():
    ensemble = cotrain.divide("timm:test_resnet", 2, sized_for=1, seed=0)
    heads = {each for name, each in ensemble.named_parameters() if ".fc." in name}
    assert lr_scales(ensemble, FineTuning(head_lr_scale=10)) == dict.fromkeys(heads, 10.0)
    assert lr_scales(ensemble, FineTuning(frozen_epochs=3)) == {}


def test_groups_keep_apart_what_decays_and_what_does_not():
    ensemble = cotrain.divide("timm:test_resnet", 2, sized_for=1, seed=0)
    settings = FineTuning(layer_decay=0.5, head_lr_scale=4)
    scales = lr_scales(ensemble, settings)
    optimizer = Optimizer(
        name="adamw", lr=0.1, weight_decay=0.2, decayed="paper", divide_weight_decay=True
    )
    built = build_optimizer(ensemble, optimizer, 2, scales)
    place = {
        each: (group["weight_decay"], group.get("lr_scale", 1.0))
        for group in built.param_groups
        for each in group["params"]
    }
    assert len(place) == len(list(ensemble.parameters()))
    for name, each in ensemble.named_parameters():
        spared = "norm" in name or "bias" in name
        decay = 0.0 if spared else 0.2 * torch.tensor(0.5 - 1, dtype=torch.float64).exp().item()
        assert place[each] == (pytest.approx(decay), scales[each]), name


class _Tokens(nn.Module):
    """Registered in another order than it runs, with a token, and a block that is never run."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 4))
        self.norm = nn.LayerNorm(4)
        self.block2 = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
        self.block1 = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
        self.stem = nn.Linear(3, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, images):
        x = self.stem(images.mean((2, 3))) + self.token
        return self.head(self.norm(self.block2(self.block1(x))))


def test_layers_are_in_the_order_in_which_they_run():
    network = _Tokens()
    names = {each: name for name, each in network.named_parameters()}
    found = [[names[each] for each in layer] for layer in layers_in_order(network, (3, 8, 8))]
    assert found == [
        ["token", "stem.weight", "stem.bias"],
        ["block1.0.weight", "block1.0.bias"],
        [f"block2.{n}.{kind}" for n in (0, 2) for kind in ("weight", "bias")]
        + ["norm.weight", "norm.bias"],
        ["head.weight", "head.bias"],
    ]


@pytest.mark.parametrize(
    ("arch", "layers"),
    [
        ("wide_resnet16_4", 8),  # stem, 3 stages of 2 blocks, head
        ("torchvision:mobilenet_v2", 20),  # stem, 17 blocks, last convolution, head
        ("torchvision:vgg11", 11),  # 8 convolutions, 3 linear layers
    ],
)
def test_layers_of_other_networks(arch, layers):
    network = build(named_spec(arch, num_classes=4, image_size=32))
    modes = [each.training for each in network.modules()]
    found = layers_in_order(network, (3, 32, 32))
    assert len(found) == layers
    assert {each for own in found for each in own} == set(network.parameters())
    assert sum(map(len, found)) == len(list(network.parameters()))
    assert [each.training for each in network.modules()] == modes


def test_what_has_no_order_is_refused():
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.ReLU(), nn.Linear(4, 2))
    with pytest.raises(ConfigError, match=r"layer_decay: the network has no layers between"):
        layers_in_order(copy.deepcopy(network), (3, 2, 2))
