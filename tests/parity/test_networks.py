"""Networks against recorded costs and layouts of the paper's implementation, as exact integers.

``networks.json`` has a row for every (arch, variant, dataset, into, input): the trainable
parameters and the MACs of one of the S networks, its dropout before the classifier and its width
after each stage; where some of the parameters are used by nothing, their number. A test fails for
a listed network without rows.

``state_dicts.json`` has for every ``<arch>_<dataset>_s<S>[_<variant>]`` the digest of the ordered
parameters and buffers of one network (see ``layout_digest``).
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from of_networks import widths_of
from torch import Tensor, nn

from cotrain.dividing import divide_spec
from cotrain.networks import NetworkSpec, build, list_networks, spec
from cotrain.networks.costs import count_macs, count_params

HERE = Path(__file__).parent
NETWORKS = json.loads((HERE / "networks.json").read_text())
DIGESTS = json.loads((HERE / "state_dicts.json").read_text())
ENTRY = re.compile(r"(?P<arch>.+)_(?P<dataset>cifar100|imagenet)_s(?P<into>\d)(_(?P<variant>\w+))?")
ENTRIES = {key: found for key in DIGESTS if (found := ENTRY.fullmatch(key))}
OURS = {"basic_resnet"}  # not of the paper: tests/networks/test_networks.py counts its parameters


def build_divided(
    arch: str, dataset: str, into: int, **options: Any
) -> tuple[NetworkSpec, nn.Module]:
    """One of the S networks, without memory, with all that the authors' checkpoints hold."""
    if arch.startswith("shake"):
        options["unused_shortcuts"] = True
    small = divide_spec(spec(arch, dataset=dataset, **options), into)
    with torch.device("meta"):
        return small, build(small)


def layout_digest(state: Mapping[str, Tensor]) -> str:
    """SHA-256 of the ordered [last part of the name, shape], as JSON.

    BatchNorm's ``num_batches_tracked`` is left out: the recorded lists do not have it.
    """
    parts = ((name.rpartition(".")[2], list(tensor.shape)) for name, tensor in state.items())
    layout = [[last, shape] for last, shape in parts if last != "num_batches_tracked"]
    return hashlib.sha256(json.dumps(layout).encode()).hexdigest()


def name_of(row: dict[str, Any]) -> str:
    parts = (row["arch"], row.get("variant"), row["dataset"], row["input"][-1], f"s{row['into']}")
    return "-".join(str(part) for part in parts if part)


@pytest.fixture
def no_batchnorm(monkeypatch):
    """BatchNorm keeps shapes and has no MACs, but takes two thirds of the time on ``meta``."""
    monkeypatch.setattr(nn.BatchNorm2d, "forward", lambda self, x: x)


@pytest.mark.usefixtures("no_batchnorm")
@pytest.mark.parametrize("row", NETWORKS, ids=name_of)
def test_costs_are_the_recorded_integers(row):
    _, channels, height, width = row["input"]
    options = {"variant": row.get("variant"), "image_size": height}
    small, network = build_divided(row["arch"], row["dataset"], row["into"], **options)
    assert count_params(network) == row["params_one"]
    assert count_macs(network, (channels, height, width)) == row["macs_one"]
    assert widths_of(small)[1:] == tuple(row["widths"])
    dropouts = {layer.p for layer in network.modules() if type(layer) is nn.Dropout}
    assert max(dropouts, default=0) == pytest.approx(row["dropout"])


@pytest.mark.parametrize("row", [r for r in NETWORKS if "params_unused_one" in r], ids=name_of)
def test_unused_parameters_are_left_out_by_default(row):
    lean = divide_spec(spec(row["arch"], dataset=row["dataset"]), row["into"])
    with torch.device("meta"):
        assert count_params(build(lean)) == row["params_one"] - row["params_unused_one"]


def test_every_listed_network_has_recorded_costs():
    assert len(NETWORKS) == 346
    assert {row["arch"] for row in NETWORKS} == set(list_networks()) - OURS


@pytest.mark.parametrize("key", ENTRIES)
def test_parameters_and_buffers_have_the_recorded_order_and_shapes(key):
    entry = ENTRIES[key]
    options = {"variant": entry["variant"]}
    _, network = build_divided(entry["arch"], entry["dataset"], int(entry["into"]), **options)
    assert layout_digest(network.state_dict()) == DIGESTS[key]


def test_every_listed_network_has_a_recorded_layout():
    assert len(ENTRIES) == len(DIGESTS) == 186
    assert {entry["arch"] for entry in ENTRIES.values()} == set(list_networks()) - OURS
