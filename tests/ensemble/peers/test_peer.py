"""A peer is made, asked, saved and loaded as an ensemble is, and is taken for none."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cotrain import ConfigError, Ensemble, divide, networks
from cotrain.ensemble import Preprocessing
from cotrain.ensemble.answering import logits_of, prepared
from cotrain.ensemble.peers.peer import Peer, load_any, make_peer

pytest.importorskip("torch_uncertainty")

GREY = Preprocessing(image_size=8, in_channels=1, mean=(0.5,), std=(0.25,))
LARGE = networks.spec("basic_resnet8_8", num_classes=3, in_channels=1, image_size=8)
PIXELS = torch.arange(128, dtype=torch.uint8).view(2, 1, 8, 8)
KINDS = {"packed": 4, "mimo": 2}


def peer(kind: str, seed: int = 0) -> Peer:
    made = make_peer(kind, LARGE, KINDS[kind], seed=seed)  # type: ignore[arg-type]
    made.spec = replace(made.spec, classes=("a", "b", "c"), preprocessing=GREY)
    return made


@pytest.fixture(params=KINDS)
def made(request) -> Peer:
    return peer(request.param)


def test_the_seed_makes_the_weights(made):
    again, other = peer(made.spec.peer), peer(made.spec.peer, seed=1)
    pairs = [(made, again, True), (made, other, False)]
    for one, two, same in pairs:
        values = zip(one.parameters(), two.parameters(), strict=True)
        assert all(torch.equal(*pair) for pair in values) is same


def test_its_spec_says_what_it_costs(made):
    assert (made.spec.params, made.spec.macs) == (made.params, made.macs((1, 8, 8)))
    assert (made.spec.arch, made.spec.num_classes) == ("basic_resnet8_8", 3)
    assert made.spec.image_shape == made.image_shape == (1, 8, 8)


def test_what_is_saved_is_loaded(made, tmp_path):
    made.save(tmp_path)
    loaded = load_any(tmp_path)
    assert isinstance(loaded, Peer)
    assert loaded.spec == made.spec
    images = prepared(made, PIXELS, GREY)
    assert torch.equal(logits_of(loaded, images), logits_of(made, images))
    divide(LARGE, 2, seed=0).save(tmp_path)
    assert isinstance(load_any(tmp_path), Ensemble)


def test_it_is_no_ensemble(made, tmp_path):
    made.save(tmp_path)
    with pytest.raises(
        ConfigError, match=r"one network with several answers \(peer=(packed|mimo)\), no"
    ):
        Ensemble.load(tmp_path)
    with pytest.raises(ConfigError, match="has no cascade: its answers come all at once"):
        made.answer_in_stages(torch.zeros(1, 1, 8, 8))


@pytest.mark.parametrize(
    "change", [{"into": 1}, {"into": 8}, {"peer": "other"}, {"params": "many"}, {"more": 1}]
)
def test_a_changed_description_is_refused(change, tmp_path):
    peer("packed").save(tmp_path)
    path = tmp_path / "spec.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ConfigError, match=r"holds no whole peer \(.*\): train it again"):
        Peer.load(tmp_path)


def test_weights_of_another_are_refused(tmp_path):
    peer("packed").save(tmp_path / "one")
    peer("packed", seed=1).save(tmp_path / "two")
    shutil.copy(tmp_path / "two/model.safetensors", tmp_path / "one")
    with pytest.raises(ConfigError, match="was changed or cut"):
        Peer.load(tmp_path / "one")


def test_without_the_extra_the_extra_is_named(made, tmp_path: Path, monkeypatch):
    made.save(tmp_path)
    monkeypatch.setattr("cotrain.ensemble.peers.library.find_spec", lambda _: None)
    for act in (lambda: Peer.load(tmp_path), lambda: peer(made.spec.peer)):
        with pytest.raises(ConfigError) as caught:
            act()
        assert str(caught.value) == (
            f"peer={made.spec.peer} needs torch_uncertainty, which is not installed: "
            "pip install 'cotrain[peers]'"
        )
