"""Networks against recorded costs and layouts of the paper's implementation, as exact integers.

``networks.json`` has a row for every (arch, dataset, into, input): the trainable parameters and
the MACs of one of the S networks, and its dropout before the classifier. Families that are added
later add their rows; a row may also hold ``variant``, where an arch has several. A test fails for
a listed network without rows.

``state_dicts.json`` has for every ``<arch>_<dataset>_s<S>[_<variant>]`` the digest of the ordered
parameters and buffers of one network (see ``layout_digest``), of later families too: they are
checked as soon as their names are listed.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cotrain.costs import count_macs, count_params
from cotrain.dividing import divide_spec
from cotrain.networks import build, list_networks, spec

HERE = Path(__file__).parent
NETWORKS = json.loads((HERE / "networks.json").read_text())
DIGESTS = json.loads((HERE / "state_dicts.json").read_text())
ENTRY = re.compile(r"(?P<arch>.+)_(?P<dataset>cifar100|imagenet)_s(?P<into>\d)(_(?P<variant>\w+))?")
KNOWN = {key: ENTRY.fullmatch(key)["arch"] for key in DIGESTS}
CHECKED = [key for key, arch in KNOWN.items() if arch in list_networks()]
# Not of the paper: tests/test_networks.py counts its parameters layer by layer.
OURS = {"basic_resnet"}


def build_divided(arch: str, dataset: str, into: int, **options) -> nn.Module:
    """One of the S networks, without memory."""
    small = divide_spec(spec(arch, dataset=dataset, **options), into)
    with torch.device("meta"):
        return build(small)


def layout_digest(state: Mapping[str, Tensor]) -> str:
    """SHA-256 of the ordered [last part of the name, shape], as JSON.

    BatchNorm's ``num_batches_tracked`` is left out: the recorded lists do not have it.
    """
    parts = ((name.rpartition(".")[2], list(tensor.shape)) for name, tensor in state.items())
    layout = [[last, shape] for last, shape in parts if last != "num_batches_tracked"]
    return hashlib.sha256(json.dumps(layout).encode()).hexdigest()


@pytest.mark.parametrize("row", NETWORKS, ids=lambda r: f"{r['arch']}-{r['dataset']}-s{r['into']}")
def test_costs_are_the_recorded_integers(row):
    _, channels, height, width = row["input"]
    options = {"variant": row.get("variant"), "image_size": height}
    network = build_divided(row["arch"], row["dataset"], row["into"], **options)
    assert count_params(network) == row["params_one"]
    assert count_macs(network, (channels, height, width)) == row["macs_one"]
    dropouts = {layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)}
    assert max(dropouts, default=0) == pytest.approx(row["dropout"])


def test_every_listed_network_of_the_paper_has_recorded_costs():
    assert {row["arch"] for row in NETWORKS} == set(list_networks()) - OURS


@pytest.mark.parametrize("key", CHECKED)
def test_parameters_and_buffers_have_the_recorded_order_and_shapes(key):
    entry = ENTRY.fullmatch(key)
    options = {"variant": entry["variant"]}
    network = build_divided(entry["arch"], entry["dataset"], int(entry["into"]), **options)
    assert layout_digest(network.state_dict()) == DIGESTS[key]


def test_every_listed_network_of_the_paper_has_a_recorded_layout():
    assert len(DIGESTS) == 186
    assert {KNOWN[key] for key in CHECKED} == set(list_networks()) - OURS
