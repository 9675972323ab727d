"""A shipped ensemble is read back to the bit; what is damaged or could run code is refused."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from pickles import poison

from cotrain import ConfigError, Ensemble, TrainingError, divide
from cotrain.basics.files import digest
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.networks import spec

__all__ = ["poison"]

LARGE = spec("basic_resnet8_8", num_classes=3, in_channels=1, image_size=8)
GREY = Preprocessing(image_size=8, in_channels=1, mean=(0.5,), std=(0.25,), margin=1.15)


PHOTO = {"image_size": 8, "in_channels": 1, "mean": [0.5], "std": [0.25]}


@pytest.fixture
def ensemble():
    """Two networks whose BatchNorms have seen images."""
    ensemble = divide(LARGE, 2, seed=0)
    ensemble.spec = replace(
        ensemble.spec, preprocessing=GREY, classes=("cat", "dog", "owl"), combine="max_logits"
    )
    for _ in range(3):
        ensemble(torch.randn(4, 1, 8, 8))
    return ensemble


@pytest.fixture
def folder(ensemble, tmp_path):
    ensemble.save(tmp_path / "ensemble")
    return tmp_path / "ensemble"


def refusal(folder: Path) -> str:
    """The message of loading, which is one line."""
    with pytest.raises(ConfigError) as caught:
        Ensemble.load(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def edit(folder: Path, **changes) -> None:
    path = folder / "spec.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def forge(folder: Path, weights: bytes) -> None:
    """Other weights, with their digest in the description."""
    (folder / "model.safetensors").write_bytes(weights)
    edit(folder, weights_sha256=digest(weights))


def test_an_ensemble_is_read_back_to_the_bit(ensemble, folder):
    loaded = Ensemble.load(str(folder))
    assert loaded.spec == ensemble.spec
    assert not any(layer.training for layer in loaded.modules())
    before, after = ensemble.state_dict(), loaded.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert after["networks.0.layer0.1.num_batches_tracked"] == 3
    images = torch.randn(5, 1, 8, 8)
    assert torch.equal(loaded.predict(images), ensemble.predict(images))


def test_a_loaded_ensemble_can_be_trained_on(folder):
    loaded = Ensemble.load(folder).train()
    loaded(torch.randn(4, 1, 8, 8)).sum().backward()
    assert all(parameter.grad is not None for parameter in loaded.parameters())


def test_loading_draws_nothing_from_the_random_state(folder):
    before = torch.get_rng_state()
    Ensemble.load(folder)
    assert torch.equal(torch.get_rng_state(), before)


def test_two_plain_files_are_written(folder, ensemble):
    assert sorted(path.name for path in folder.iterdir()) == ["model.safetensors", "spec.json"]
    record = json.loads((folder / "spec.json").read_text())
    assert record["format"] == 1
    assert (record["into"], record["classes"]) == (2, ["cat", "dog", "owl"])
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    assert set(weights) == set(ensemble.state_dict())


def test_an_ensemble_without_classes_and_preprocessing(tmp_path):
    ensemble = divide("wide_resnet10_2", 1, seed=0)
    ensemble.save(tmp_path)
    assert Ensemble.load(tmp_path).spec == ensemble.spec


def test_channels_last_weights_are_saved(ensemble, tmp_path):
    ensemble.to(memory_format=torch.channels_last).save(tmp_path)
    loaded = Ensemble.load(tmp_path).state_dict()
    assert all(torch.equal(loaded[name], each) for name, each in ensemble.state_dict().items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ensemble: ensemble.half(), r"is float16 \[.*, not float32 .*ensemble\.float\(\)"),
        (lambda ensemble: ensemble.networks[0].register_buffer("own", torch.ones(1)), "own"),
    ],
)
def test_what_could_not_be_loaded_is_not_saved(ensemble, folder, change, message):
    before = (folder / "model.safetensors").read_bytes()
    change(ensemble)
    with pytest.raises(ConfigError, match=message):
        ensemble.save(folder)
    assert (folder / "model.safetensors").read_bytes() == before


def test_saving_replaces_what_was_there(folder):
    other = divide(LARGE, 4, seed=1)
    other.save(folder)
    assert Ensemble.load(folder).spec == other.spec


def test_a_folder_that_cannot_be_written_is_an_error(ensemble, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TrainingError, match="cannot write"):
        ensemble.save(tmp_path / "file" / "ensemble")


def test_missing_files_are_named(folder, tmp_path):
    assert f"{tmp_path / 'none'} is not an ensemble" in refusal(tmp_path / "none")
    shutil.copytree(folder, tmp_path / "copy")
    (folder / "model.safetensors").unlink()
    assert "model.safetensors is missing" in refusal(folder)
    (tmp_path / "copy" / "spec.json").unlink()
    assert "has no spec.json" in refusal(tmp_path / "copy")


@pytest.mark.parametrize("position", [0, 100, -1])
def test_weights_with_one_bit_changed_are_refused(folder, position):
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    assert "was changed or cut" in refusal(folder)


@pytest.mark.parametrize("size", [0, 7, 1000])
def test_truncated_weights_are_refused(folder, size):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    assert "was changed or cut" in refusal(folder)
    forge(folder, path.read_bytes())
    assert "is not a safetensors file" in refusal(folder)


def test_weights_of_other_networks_are_refused(folder):
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    last = max(weights)
    for changed in (
        {name: tensor for name, tensor in weights.items() if name != last},
        weights | {"extra": torch.zeros(1)},
        weights | {last: torch.zeros(1)},
    ):
        forge(folder, safetensors.torch.save(changed))
        assert "does not fit spec.json" in refusal(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"{}", b"null"])
def test_a_damaged_description_is_refused(folder, content):
    (folder / "spec.json").write_bytes(content)
    assert str(folder / "spec.json") in refusal(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "has format 2, not 1"),
        ({"format": None}, "has format None"),
        ({"into": 3}, "does not fit spec.json (it holds 2 networks, not into=3)"),
        ({"into": 10**9}, "is damaged (1000000000 networks: an ensemble has 1 to 1024)"),
        ({"into": 0}, "is damaged (0 networks: an ensemble has 1 to 1024)"),
        ({"into": "2"}, "is damaged (into='2' is not a whole number"),
        ({"network": "basic_resnet"}, "is damaged (network='basic_resnet' is not a map"),
        ({"network": {"family": "none"}}, "is not a spec of this version"),
        ({"classes": None}, "is damaged (classes=None is not a list, each text"),
        ({"classes": ["a", "b"]}, "is damaged (classes are 2 names for 3 logits"),
        ({"classes": ["a", "b", 3]}, "is damaged (classes=['a', 'b', 3] is not a list, each text"),
        ({"combine": "median"}, "is damaged (combine='median' is not one of mean_logits"),
        ({"extra": 1}, "is damaged (extra is not known"),
        ({"preprocessing": {"image_size": 8}}, "is damaged (preprocessing.in_channels is missing"),
        ({"preprocessing": PHOTO | {"image_size": -5}}, "image_size=-5 is not in [1, 4096]"),
        (
            {"preprocessing": PHOTO | {"image_size": 10**7}},
            "image_size=10000000 is not in [1",
        ),
        ({"preprocessing": PHOTO | {"image_size": "16"}}, "image_size='16' is not a whole number"),
        ({"preprocessing": PHOTO | {"margin": 1e9}}, "margin=1000000000.0 is not in [1, 10]"),
        (
            {"preprocessing": PHOTO | {"margin": float("nan")}},
            ".margin=nan is not finite",
        ),
        ({"preprocessing": PHOTO | {"std": [-1.0]}}, "is not positive in every channel"),
        ({"preprocessing": PHOTO | {"background": "\x1b[31m"}}, "is no colour"),
        ({"preprocessing": {"image_size": 8, "in_channels": 3, "mean": [0], "std": [1]}}, "mean"),
        ({"weights_sha256": "0" * 64}, "was changed or cut"),
    ],
)
def test_a_changed_description_is_refused(folder, changes, message):
    edit(folder, **changes)
    assert message in refusal(folder)


@pytest.mark.parametrize("field", ["network", "into", "large", "combine", "classes", "format"])
def test_a_description_with_a_field_missing_is_refused(folder, field):
    path = folder / "spec.json"
    record = json.loads(path.read_text())
    del record[field]
    path.write_text(json.dumps(record))
    assert field in refusal(folder)


@pytest.mark.parametrize("field", ["num_classes", "blocks", "planes", "stem_width", "dropout"])
@pytest.mark.parametrize("value", [-1, "8", None])
def test_a_spec_that_no_network_has_is_refused(folder, field, value):
    record = json.loads((folder / "spec.json").read_text())
    edit(folder, network=record["network"] | {field: value})
    message = refusal(folder)
    assert "does not fit spec.json" in message or "spec.json is damaged" in message


def test_a_pickle_offered_as_weights_is_not_executed(folder, poison):
    content, created = poison
    (folder / "model.safetensors").write_bytes(content)
    assert "was changed or cut" in refusal(folder)
    forge(folder, content)
    assert "is not a safetensors file" in refusal(folder)
    assert not created.exists()


def test_a_pickle_offered_as_description_is_not_executed(folder, poison):
    content, created = poison
    (folder / "spec.json").write_bytes(content)
    assert "spec.json is no text in UTF-8" in refusal(folder)
    assert not created.exists()
