import functools
import threading
from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

from cotrain.basics.seeds import seeded
from cotrain.networks.foreign.names import builder_of, foreign_request
from cotrain.networks.foreign.narrow.arguments import (
    build_with_arguments,
    constructor_arguments,
    leaves,
)
from cotrain.networks.meta import on_meta

PLAIN = functools.partial(nn.Linear, bias=False)
Sizes = namedtuple("Sizes", "first second")


@dataclass(frozen=True)
class Config:
    width: int = 8
    mlp: tuple[int, ...] = (16, 32)


class Net(nn.Module):
    def __init__(self, config, table, layer=PLAIN, depth=2):
        super().__init__()
        self.inner = Net(None, None, depth=0) if depth else None
        self.layer = layer(config.width, table["out"][1]) if config else None
        self.seen = (config, table, depth)


def build() -> Net:
    Net(None, None, depth=0)
    net: Any = Net(Config(), {"out": [4, 6], "sizes": Sizes(1, 2)})
    net.tag = "set by the builder"
    return net


def test_the_arguments_of_the_network_that_is_returned_are_seen() -> None:
    made = constructor_arguments(build)
    assert made.arguments["config"] == Config()
    assert made.arguments["depth"] == 2
    found = dict(leaves(made.arguments))
    assert found["config", "mlp", 1] == 32
    assert found["table", "out", 1] == 6


def test_changed_arguments_leave_the_rest_of_the_builder_as_it_is() -> None:
    changes = [
        (["config", "width"], 5),
        (["config", "mlp", 0], 7),
        (["table", "out", 1], 3),
        (["table", "sizes", 1], 9),
        (["layer", "keywords", "bias"], True),
    ]
    net: Any = build_with_arguments(build, changes)
    assert net.layer.weight.shape == (3, 5)
    assert net.layer.bias is not None
    assert net.seen[0].mlp == (7, 32)
    assert net.seen[1]["sizes"] == Sizes(1, 9)
    assert net.tag == "set by the builder"
    assert net.inner.seen == (None, None, 0)


def test_the_class_is_as_before_also_after_an_error() -> None:
    before = Net.__init__
    with pytest.raises(LookupError, match="depths"):
        build_with_arguments(build, [(["depths"], 1)])
    assert Net.__init__ is before
    built: Any = build()
    assert built.layer.weight.shape == (6, 8)


def test_an_inherited_constructor_is_not_left_on_the_subclass() -> None:
    class Sub(Net):
        pass

    build_with_arguments(lambda: Sub(Config(), {"out": [1, 2]}), [(["config", "width"], 4)])
    assert "__init__" not in vars(Sub)


def test_networks_of_other_threads_are_not_changed() -> None:
    other = []

    def build_beside() -> Net:
        thread = threading.Thread(target=lambda: other.append(Net(Config(), {"out": [1, 2]})))
        thread.start()
        thread.join()
        return build()

    built: Any = build_with_arguments(build_beside, [(["config", "width"], 4)])
    assert built.layer.in_features == 4
    assert other[-1].layer.in_features == 8


def test_a_network_that_the_builder_did_not_make_is_refused() -> None:
    ready = nn.Linear(2, 2)
    with pytest.raises(TypeError, match="did not make the Linear"):
        constructor_arguments(lambda: ready)


def test_an_unchanged_rebuild_draws_the_same_weights() -> None:
    builder = builder_of(foreign_request("timm:resnet18", num_classes=3))
    with seeded(1):
        plain = builder()
    with seeded(1):
        rebuilt = build_with_arguments(builder, [])
    assert all(map(torch.equal, plain.state_dict().values(), rebuilt.state_dict().values()))


def test_a_configuration_of_transformers_is_an_argument_like_any_other() -> None:
    pytest.importorskip("transformers")
    builder = builder_of(foreign_request("hf:vit", num_classes=3))
    changes = [(["config", "hidden_size"], 96), (["config", "intermediate_size"], 192)]
    small: Any = on_meta(lambda: build_with_arguments(builder, changes))
    assert small.network.classifier.weight.shape == (3, 96)
    assert constructor_arguments(builder).arguments["config"].hidden_size == 768
