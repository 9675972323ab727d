import copy
from typing import Any

import pytest
import torch
from torch import nn

from cotrain.basics.errors import ConfigError
from cotrain.networks.foreign.narrow.reshaping import apply_record, record, resized


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.sizes, self.scale = (4, 4), 0.5
        self.layer = nn.Linear(8, 8)
        self.register_buffer("table", torch.arange(8), persistent=False)
        self.plain = torch.zeros(8)


def narrowed() -> nn.Module:
    small = Small()
    small.sizes, small.scale, small.plain = (2, 2), 0.7, torch.zeros(4)
    small.layer = nn.Linear(4, 8)
    small.table = torch.arange(4)
    return small


def test_a_record_makes_the_large_network_like_the_small_one():
    changes = record(Small(), narrowed())
    again: Any = apply_record(Small(), changes)
    assert changes["shapes"] == {"layer.weight": [8, 4], "table": [4], "plain": [4]}
    assert again.sizes == (2, 2)
    assert again.scale == 0.7
    assert again.layer.in_features == 4
    assert again.plain.shape == again.table.shape == (4,)
    assert record(again, narrowed()) == {"attributes": {}, "shapes": {}}


def test_a_record_applies_on_meta_too():
    with torch.device("meta"):
        large = Small()
    reshaped: Any = apply_record(large, {"shapes": {"layer.weight": [8, 4]}})
    weight = reshaped.layer.weight
    assert weight.is_meta
    assert isinstance(weight, nn.Parameter)
    assert weight.shape == (8, 4)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"attributes": {"nowhere": {"sizes": [1]}}}, "no module 'nowhere'"),
        ({"attributes": {"": {"nothing": 1}}}, "no numbers called 'nothing'"),
        ({"shapes": {"layer.nothing": [1]}}, "Linear.nothing is no tensor"),
        ({"shapes": {"layer.weight": [1]}}, "Linear.weight is no tensor of 1 dimensions"),
    ],
)
def test_unknown_names_are_errors(changes, said):
    with pytest.raises(ConfigError, match=said):
        apply_record(Small(), changes)


def test_evenly_spaced_values_stay():
    table = torch.arange(12)
    assert resized(table, (6,)).tolist() == [0, 1, 4, 5, 8, 9]
    assert resized(table, (3,)).tolist() == [0, 4, 8]
    assert resized(table[:2], (4,)).tolist() == [0, 1, 0, 1]


def test_equal_networks_have_an_empty_record():
    large = Small()
    assert record(large, copy.deepcopy(large)) == {"attributes": {}, "shapes": {}}
