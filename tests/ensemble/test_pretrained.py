"""Networks that start from the weights of a file, by their names or by their order."""

import pytest
import safetensors.torch
import timm
import torch

import cotrain
from cotrain.basics.errors import ConfigError
from cotrain.ensemble.pretrained import pretrained_network
from cotrain.networks import build
from cotrain.networks.registry import named_spec

RESNET = named_spec("timm:test_resnet", num_classes=3)


def _state():
    torch.manual_seed(3)
    return timm.create_model("test_resnet").state_dict()


def _of_another_program(state):
    """Other names in the same order, of which the last parts agree."""
    return {
        f"layer{n:03}.{name.rpartition('.')[2]}": t for n, (name, t) in enumerate(state.items())
    }


@pytest.mark.parametrize("kind", ["safetensors", "pth", "state_dict", "module", "other names"])
def test_a_file_of_weights(tmp_path, kind):
    state, path = _state(), tmp_path / ("w.safetensors" if kind == "safetensors" else "w.pth")
    if kind == "safetensors":
        safetensors.torch.save_file(state, path)
    elif kind == "state_dict":
        torch.save({"state_dict": state, "epoch": 3}, path)
    elif kind == "module":
        torch.save({f"module.{name}": each for name, each in state.items()}, path)
    else:
        torch.save(state if kind == "pth" else _of_another_program(state), path)
    loaded = pretrained_network(RESNET, path, seed=0).state_dict()
    assert loaded["fc.weight"].shape[0] == 3
    for name, each in state.items():
        assert name.startswith("fc.") or loaded[name].equal(each), name


def test_the_order_of_safetensors_is_not_trusted(tmp_path):
    safetensors.torch.save_file(_of_another_program(_state()), tmp_path / "w.safetensors")
    with pytest.raises(ConfigError, match=r"w.safetensors does not fit timm:test_resnet"):
        pretrained_network(RESNET, tmp_path / "w.safetensors", seed=0)


def test_a_file_that_would_run_code_is_refused(tmp_path):
    torch.save({"a": print}, tmp_path / "w.pth")
    with pytest.raises(ConfigError, match=r"loading it would run"):
        pretrained_network(RESNET, tmp_path / "w.pth", seed=0)


def test_weights_of_our_own_networks(tmp_path):
    large = named_spec("basic_resnet8_4", num_classes=10, in_channels=1, image_size=8)
    torch.manual_seed(3)
    trained = build(large)
    torch.save(trained.state_dict(), tmp_path / "w.pth")
    loaded = pretrained_network(large, tmp_path / "w.pth", seed=0)
    images = torch.randn(2, 1, 8, 8)
    assert loaded.eval()(images).equal(trained.eval()(images))
    with pytest.raises(ConfigError, match=r"nobody keeps weights of basic_resnet8_4"):
        pretrained_network(large, True, seed=0)
    torch.save(_state(), tmp_path / "other.pth")
    with pytest.raises(ConfigError, match=r"other.pth does not fit basic_resnet8_4") as refused:
        pretrained_network(large, tmp_path / "other.pth", seed=0)
    assert len(str(refused.value)) < 400


def test_networks_of_the_whole_size_each_have_them_and_a_head_of_their_own(tmp_path):
    torch.save(_state(), tmp_path / "w.pth")
    ensemble = cotrain.divide(RESNET, 2, sized_for=1, pretrained=tmp_path / "w.pth", seed=0)
    one, two = (each.state_dict() for each in ensemble.networks)
    assert all(one[name].equal(two[name]) for name in one if name[:3] != "fc.")
    assert not one["fc.weight"].equal(two["fc.weight"])
    again = cotrain.divide(RESNET, 2, sized_for=1, pretrained=tmp_path / "w.pth", seed=0)
    assert again.networks[1].state_dict()["fc.weight"].equal(two["fc.weight"])


def test_smaller_networks_inherit_from_them(tmp_path):
    large = named_spec("basic_resnet8_16", num_classes=10, in_channels=1, image_size=8)
    torch.manual_seed(3)
    trained = build(large)
    torch.save(trained.state_dict(), tmp_path / "w.pth")
    ensemble = cotrain.divide(large, 2, pretrained=str(tmp_path / "w.pth"), seed=0)
    kept = set(next(trained.parameters()).flatten().tolist())
    for network in ensemble.networks:
        assert set(next(network.parameters()).flatten().tolist()) <= kept


def test_two_starts_at_once_are_refused():
    with pytest.raises(ConfigError, match=r"both what the networks start from"):
        cotrain.divide(RESNET, 1, pretrained=True, initialization="identical")


def test_a_fresh_head_starts_small_and_a_kept_one_does_not(tmp_path):
    torch.save(_state(), tmp_path / "w.pth")
    fresh = pretrained_network(RESNET, tmp_path / "w.pth", seed=0).get_submodule("fc")
    deviation = fresh.get_parameter("weight").std().item()
    assert deviation == pytest.approx(0.01, rel=0.2)  # of 288 numbers
    assert not fresh.get_parameter("bias").any()
    whole = named_spec("timm:test_resnet", num_classes=1000)
    kept = pretrained_network(whole, tmp_path / "w.pth", seed=0)
    assert kept.get_parameter("fc.weight").equal(_state()["fc.weight"])
