"""How a network is one of an ensemble, on disk too; what is damaged there is refused."""

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch
from assembled import mixed

from cotrain import ConfigError, Ensemble
from cotrain.basics.files import digest
from cotrain.ensemble import Member
from cotrain.ensemble.spec import EnsembleSpec
from cotrain.networks import spec

SMALL = spec("basic_resnet8_4", num_classes=3, in_channels=1, image_size=8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    mixed()[-1].save(tmp_path)
    return tmp_path


def edit(folder: Path, at: int, **changes: object) -> None:
    path = folder / "spec.json"
    record = json.loads(path.read_text())
    record["members"][at] |= changes
    path.write_text(json.dumps(record))


def refusal(folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        Ensemble.load(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_mixed_ensemble_is_read_back_to_the_bit(folder):
    *_, whole = mixed()
    loaded = Ensemble.load(folder)
    assert loaded.spec == whole.spec
    assert json.loads((folder / "spec.json").read_text())["format"] == 2
    before, after = whole.state_dict(), loaded.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], each) for name, each in before.items())
    images = torch.randn(4, 1, 8, 8)
    assert torch.equal(loaded.predict(images), whole.predict(images))


def test_equal_networks_are_written_as_ever():
    written = EnsembleSpec.of_equal(SMALL, 3, large=SMALL).to_dict()
    assert list(written)[:3] == ["network", "into", "large"]
    assert written["into"] == 3
    assert EnsembleSpec.from_dict(written).members == (Member(network=SMALL),) * 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"count": 0}, "is damaged (0 networks: an ensemble has 1 to 1024)"),
        ({"count": 10**9}, "is damaged (1000000000 networks: an ensemble has 1 to 1024)"),
        ({"count": None}, "is damaged (None networks"),
        ({"count": 3}, "it holds 3 networks, not into=4"),
        ({"extra": 1}, "members.extra is not known"),
        ({"network": "basic_resnet"}, "members.network='basic_resnet' is not a map"),
        ({"mean": [0.5, 0.5]}, "do not go together"),
        ({"std": [-1.0]}, "is not positive in every channel"),
        ({"std": [float("nan")]}, "members.std=nan is not finite"),
        ({"mean": [], "std": []}, "does not fit spec.json"),
        ({"classes": ["cat", "dog", "cow"]}, "its classes are not those of the ensemble"),
        ({"classes": ["cat", "cat", "dog"]}, "its classes are not those of the ensemble"),
    ],
)
def test_a_changed_member_is_refused(folder, changes, message):
    at = 0 if "count" in changes else 1
    if "mean" in changes and not changes["mean"]:
        changes["classes"] = []
    edit(folder, at, **changes)
    assert message in refusal(folder)


def test_a_description_of_another_format_or_without_members_is_refused(folder):
    path = folder / "spec.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"format": 1}))
    assert "has format 1, not 2" in refusal(folder)
    path.write_text(json.dumps(record | {"members": []}))
    assert "is damaged (0 networks: an ensemble has 1 to 1024)" in refusal(folder)
    del record["members"]
    path.write_text(json.dumps(record))
    assert "has format 2, not 1" in refusal(folder)


def test_one_networks_weights_that_are_damaged_are_named(folder):
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    name = "networks.2.network.fc.weight"
    for changed, told in (
        ({**weights, name: torch.zeros(2, 2)}, "fc.weight is float32 [2, 2], not float32 [3, 16]"),
        ({key: each for key, each in weights.items() if key != name}, "fc.weight lacks"),
        ({**weights, "networks.2.fc.weight": torch.zeros(1)}, "has tensors of other names"),
        (
            {**weights, "networks.1.fc.bias": torch.zeros(3).double()},
            "network 1 has other tensors than network 0",
        ),
    ):
        content = safetensors.torch.save(changed)
        (folder / "model.safetensors").write_bytes(content)
        record = json.loads((folder / "spec.json").read_text())
        (folder / "spec.json").write_text(json.dumps(record | {"weights_sha256": digest(content)}))
        assert told in refusal(folder)


def test_members_that_do_not_go_together_are_no_ensemble():
    other = spec("basic_resnet8_4", num_classes=3, in_channels=1, image_size=16)
    members = (Member(network=SMALL), Member(network=other))
    with pytest.raises(ConfigError, match=r"network 1: its images .* is \(1, 16, 16\)"):
        EnsembleSpec(members=members, divided=None)
    alone = Member(network=SMALL, mean=(0.5,), std=(0.5,))
    with pytest.raises(ConfigError, match="network 0: it has a mean and std beside those"):
        EnsembleSpec(members=(alone,), divided=None)
