"""Stages and widths of networks, read from their weights."""

import pytest
import torch
from torch import nn

from cotrain.networks import build, spec
from cotrain.networks.stages import middle, narrowest_stage, stage_widths, stages


def _network(name: str, **options: object) -> nn.Module:
    with torch.device("meta"):
        return build(spec(name, **options))  # type: ignore[arg-type]


def test_a_bottleneck_is_as_narrow_as_its_inside():
    network = _network("wide_resnet50_2", dataset="imagenet")
    assert stage_widths(network)[-4:] == (256, 512, 1024, 2048)
    assert narrowest_stage(network) == 128


def test_an_inverted_bottleneck_is_as_narrow_as_its_output():
    blocks = nn.Sequential(
        nn.Conv2d(8, 48, 1), nn.Conv2d(48, 48, 3, groups=48), nn.Conv2d(48, 8, 1)
    )
    network = nn.ModuleList([blocks, nn.Linear(8, 10)])
    assert narrowest_stage(network) == 8


def test_the_layer_that_gives_the_classes_is_of_no_stage():
    network = _network("basic_resnet", num_classes=7)
    names = [name for layers in stages(network).values() for name in layers]
    shapes = [weight.shape[0] for layers in stages(network).values() for weight in layers.values()]
    assert len(names) == len(set(names))
    assert 7 not in shapes


def test_one_layer_has_no_narrowest_stage():
    assert narrowest_stage(nn.Sequential(nn.Linear(4, 2))) is None
    assert stage_widths(nn.Sequential(nn.Linear(4, 2))) == ()


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [([(1, 1), (2, 1), (9, 1)], 2), ([(1, 1), (9, 5)], 9), ([(9, 1), (1, 5)], 1)],
)
def test_the_middle_counts_each_number_by_its_size(pairs, expected):
    assert middle(pairs) == expected


def test_nothing_has_no_middle():
    with pytest.raises(ValueError, match="no numbers"):
        middle([])


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("conv1.weight", "conv1"),
        ("layer1.0.conv2.weight", "layer1"),
        ("stages.2.blocks.0.fc1.weight", "stages.2"),
        ("features.7.weight", "features.7"),
        ("stem.down.se.fc1.weight", "stem.down"),
        ("vit.encoder.layer.3.output.dense.weight", "vit.encoder.layer.3"),
        ("weight", "weight"),
    ],
)
def test_a_stage_is_named_by_its_first_numbered_module(name, stage):
    network = nn.Module()
    *path, own = name.split(".")
    owner = network
    for part in path:
        owner.add_module(part, nn.Module())
        owner = owner.get_submodule(part)
    owner.register_parameter(own, nn.Parameter(torch.zeros(4, 4)))
    network.add_module("last", nn.Linear(4, 2))
    assert next(iter(stages(network))) == stage


def test_embeddings_and_tables_are_no_layers():
    network = nn.ModuleDict({"positions": nn.Embedding(50, 8), "fc": nn.Linear(8, 8)})
    network.register_parameter("table", nn.Parameter(torch.zeros(50, 8)))
    network.add_module("last", nn.Linear(8, 2))
    assert [list(layers) for layers in stages(network).values()] == [["fc.weight"]]
