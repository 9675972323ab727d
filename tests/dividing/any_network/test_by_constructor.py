import json
from typing import Any

import pytest
import torch
from torch import nn

from cotrain.basics.seeds import seeded
from cotrain.dividing.any_network.by_constructor.search import divide_by_constructor
from cotrain.dividing.any_network.by_constructor.widths import Scaling, width_leaves
from cotrain.dividing.any_network.goal import MOST_UNEVEN, Goal
from cotrain.networks.costs import count_params
from cotrain.networks.foreign.names import builder_of, foreign_request
from cotrain.networks.foreign.narrow.arguments import build_with_arguments
from cotrain.networks.meta import on_meta


def attempt_of(builder, into, size=224, budget: Any = "params"):
    large = on_meta(builder)
    goal = Goal(large=large, image_shape=(3, size, size), classes=10, into=into, budget=budget)
    return divide_by_constructor(builder, goal), goal


def timm_builder(name, size=None):
    return builder_of(foreign_request(f"timm:{name}", num_classes=10, image_size=size))


@pytest.mark.parametrize("into", [2, 4])
@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "convnextv2_nano", "pvt_v2_b0"])
def test_the_budget_is_kept_with_even_widths_and_the_same_layers(name, into) -> None:
    found, goal = attempt_of(timm_builder(name), into)
    assert found is not None
    ratio = into * count_params(found.network) / count_params(goal.large)
    assert found.ratios == {"params": ratio}
    assert ratio == pytest.approx(1, abs=0.05)
    assert 1 <= found.unevenness <= MOST_UNEVEN
    assert set(found.network.state_dict()) == set(goal.large.state_dict())


def test_macs_and_params_are_kept_together() -> None:
    found, goal = attempt_of(timm_builder("vit_tiny_patch16_224"), 2, budget="both")
    assert found is not None
    assert found.fits(goal)
    assert set(found.ratios) == {"params", "macs"}


def test_changes_read_back_from_json_rebuild_the_same_network() -> None:
    builder = timm_builder("vit_tiny_patch16_224", 32)
    found, _ = attempt_of(builder, 4, size=32)
    assert found is not None
    changes = json.loads(json.dumps(found.changes))["arguments"]
    networks = []
    for _ in range(2):
        with seeded(3):
            networks.append(build_with_arguments(builder, changes))
    first, second = (each.state_dict() for each in networks)
    assert {k: v.shape for k, v in first.items()} == {
        k: v.shape for k, v in found.network.state_dict().items()
    }
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert networks[0](torch.zeros(2, 3, 32, 32)).shape == (2, 10)


class Plain(nn.Module):
    """A user's network: a width that its argument tells, or one that is fixed."""

    def __init__(self, width=64, groups=1, fixed=False, in_channels=3, num_classes=10):
        super().__init__()
        self.stem = nn.Conv2d(in_channels, width, 3)
        inside = 64 if fixed else width
        self.body = nn.Conv2d(width, inside, 3, groups=groups)
        self.last = nn.Linear(inside, num_classes)

    def forward(self, images):
        return self.last(self.body(self.stem(images)).mean((2, 3)))


def test_a_users_own_class_is_divided() -> None:
    found, goal = attempt_of(lambda: Plain(groups=4), 2, size=8)
    assert found is not None
    assert found.fits(goal)
    ((path, width),) = found.changes["arguments"]
    assert path == ["width"]
    assert width % 4 == 0


def test_widths_that_no_argument_tells_do_not_fit() -> None:
    found, goal = attempt_of(lambda: Plain(fixed=True), 4, size=8)
    assert found is not None
    assert not found.fits(goal)
    assert found.unevenness > MOST_UNEVEN


def test_a_network_without_widths_among_its_arguments_has_no_attempt() -> None:
    found, _ = attempt_of(lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 10)), 2, size=8)
    assert found is None


ARGUMENTS = {
    "embed_dims": [64, 128],
    "num_heads": [2, 4],
    "depths": [2, 2],
    "head_dim": 32,
    "num_channels": 3,
    "num_classes": 1000,
    "patch_size": 16,
    "width_mult": 1.0,
    "layer_scale": 1.0,
    "base_width": 64,
    "drop_path_rate": 0.1,
}


def test_names_tell_widths_from_heads_depths_and_the_image() -> None:
    meanings = {leaf.name[0]: leaf.meaning for leaf in width_leaves(ARGUMENTS, 3)}
    assert meanings == {
        "embed_dims": "width",
        "num_heads": "count",
        "head_dim": "unit",
        "width_mult": "factor",
    }


def test_heads_stay_and_become_narrower_or_become_fewer() -> None:
    found = width_leaves({key: ARGUMENTS[key] for key in ("embed_dims", "num_heads")}, 3)
    narrower = Scaling(scaled=frozenset(["width"]), grain=1)
    assert narrower.changes(found, 0.7) == [(["embed_dims", 0], 44), (["embed_dims", 1], 88)]
    fewer = Scaling(scaled=frozenset(["width", "count"]), grain=1)
    assert fewer.changes(found, 0.5) == [
        (["embed_dims", 0], 32),
        (["embed_dims", 1], 64),
        (["num_heads", 0], 1),
        (["num_heads", 1], 2),
    ]
