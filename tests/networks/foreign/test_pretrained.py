"""Weights of libraries, without a connection: what they fetch is put in their place."""

from typing import Any

import pytest
import timm
import torch
from safetensors.torch import load_file
from timm.layers.pos_embed import resample_abs_pos_embed
from torchvision import models

from cotrain.basics.errors import ConfigError
from cotrain.networks import ForeignSpec, native_preprocessing
from cotrain.networks.foreign.pretrained import fetched_network, network_with
from cotrain.networks.heads import is_of_head, logit_layers
from cotrain.networks.registry import named_spec


def _spec(name, **images):
    spec = named_spec(name, **images)
    assert isinstance(spec, ForeignSpec)
    return spec


def _states(name, **arguments):
    """Weights as timm has them for a name, and the spec of a network of three classes."""
    torch.manual_seed(3)
    return timm.create_model(name, **arguments).state_dict()


@pytest.fixture
def hub(monkeypatch):
    """What timm fetches from its hub, by name; nothing else is to be had."""
    kept = {}

    def fetch(place, *_, **__):
        return dict(kept[place])

    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", fetch)
    return kept


def test_timms_weights_and_a_fresh_head(hub):
    state = hub["timm/test_resnet.r160_in1k"] = _states("test_resnet")
    torch.manual_seed(0)
    network = fetched_network(_spec("timm:test_resnet", num_classes=3))
    loaded = network.state_dict()
    assert loaded["fc.weight"].shape == (3, state["fc.weight"].shape[1])
    assert all(loaded[name].equal(each) for name, each in state.items() if name[:3] != "fc.")


def test_timms_head_is_kept_for_its_own_classes(hub):
    state = hub["timm/test_resnet.r160_in1k"] = _states("test_resnet")
    loaded = fetched_network(_spec("timm:test_resnet", num_classes=1000)).state_dict()
    assert all(loaded[name].equal(each) for name, each in state.items())


def test_a_stem_for_grey_images_is_the_sum_over_colours(hub):
    state = hub["timm/test_resnet.r160_in1k"] = _states("test_resnet")
    spec = _spec("timm:test_resnet", num_classes=3, in_channels=1)
    stem = fetched_network(spec).state_dict()["conv1.0.weight"]
    torch.testing.assert_close(stem, state["conv1.0.weight"].sum(1, keepdim=True))


@pytest.mark.filterwarnings("ignore:.*antialias.*")
def test_positions_are_resampled_for_another_size(hub):
    state = hub["timm/test_vit.r160_in1k"] = _states("test_vit")
    network = fetched_network(_spec("timm:test_vit", num_classes=3, image_size=96))
    expected = resample_abs_pos_embed(state["pos_embed"], [6, 6], num_prefix_tokens=1)
    torch.testing.assert_close(network.state_dict()["pos_embed"], expected)


def test_what_the_hub_lacks_is_an_error(hub):
    state = hub["timm/test_resnet.r160_in1k"] = _states("test_resnet")
    del state["layer1.0.conv1.weight"]
    with pytest.raises(
        ConfigError, match=r"weights of timm:test_resnet lack layer1.0.conv1.weight"
    ):
        fetched_network(_spec("timm:test_resnet", num_classes=3))


def test_no_connection_is_one_line_that_names_the_place(monkeypatch):
    def fail(*_, **__):
        raise OSError("no route\nto the hub")

    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", fail)
    with pytest.raises(ConfigError) as refused:
        fetched_network(_spec("timm:test_resnet", num_classes=3))
    place = "https://huggingface.co/timm/test_resnet.r160_in1k/resolve/main/model.safetensors;"
    assert f"kept at {place}" in str(refused.value)
    assert "(no route to the hub)" in str(refused.value)
    assert "--pretrained FILE" in str(refused.value)


def test_torchvisions_weights_by_their_name(monkeypatch):
    torch.manual_seed(3)
    state = models.squeezenet1_1().state_dict()
    asked = []

    def fetch(url, **_):
        asked.append(url)
        return dict(state)

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fetch)
    spec = _spec("torchvision:squeezenet1_1@IMAGENET1K_V1", num_classes=3)
    network = fetched_network(spec)
    assert logit_layers(network) == {"classifier.1"}
    for name, each in network.state_dict().items():
        assert is_of_head(name, network) or each.equal(state[name])
    assert asked == [models.SqueezeNet1_1_Weights.IMAGENET1K_V1.url]


def test_the_images_are_those_of_the_weights_that_are_named():
    margins = {}
    for weights in ("IMAGENET1K_V1", "IMAGENET1K_V2"):
        native = native_preprocessing(_spec(f"torchvision:resnet50@{weights}", num_classes=3))
        assert native is not None
        margins[weights] = round(native.margin * native.image_size)
        assert native.interpolation == "bilinear"
    assert margins == {"IMAGENET1K_V1": 256, "IMAGENET1K_V2": 232}


def test_weights_that_torchvision_does_not_have():
    with pytest.raises(ConfigError, match=r"resnet50@V9' is not known"):
        _spec("torchvision:resnet50@V9", num_classes=3)


@pytest.fixture
def saved(tmp_path):
    """A folder of transformers, with the network of five classes that it holds."""
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 16}
    config = transformers.ViTConfig(
        num_hidden_layers=2, image_size=32, patch_size=8, num_labels=5, **sizes
    )
    torch.manual_seed(3)
    whole = transformers.ViTForImageClassification(config)
    whole.save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text('{"size": 32}')
    return tmp_path, whole


def _hf(folder, **images):
    with pytest.warns(UserWarning, match="with pretrained=true only"):
        return _spec(f"hf:{folder}", **images)


def test_a_folder_of_transformers(saved, capsys):
    folder, whole = saved
    network: Any = fetched_network(_hf(folder, num_classes=3))
    own = network.network.state_dict()
    assert own["classifier.weight"].shape == (3, 8)
    for name, each in whole.state_dict().items():
        assert name.startswith("classifier") or own[name].equal(each)
    assert network.training
    assert "MISMATCH" not in capsys.readouterr().err
    with pytest.raises(ConfigError, match=r"lack .*position_embeddings .* of 3 x 64 pixels"):
        fetched_network(_hf(folder, num_classes=3, image_size=64))


def test_a_file_of_transformers_has_its_own_names(saved):
    folder, whole = saved
    spec = _hf(folder, num_classes=5)
    theirs, ours = load_file(folder / "model.safetensors"), fetched_network(spec).state_dict()
    for state in (theirs, ours):
        network: Any = network_with(spec, state, "w.safetensors")
        for name, each in network.network.state_dict().items():
            assert each.equal(whole.state_dict()[name])
    del theirs["vit.layernorm.weight"]
    with pytest.raises(ConfigError, match=r"the file lack vit.layernorm.weight"):
        network_with(spec, theirs, "w.safetensors")


def test_what_a_folder_of_transformers_has_too_much_is_said(saved):
    folder, _ = saved
    config = folder / "config.json"
    config.write_text(
        config.read_text().replace('"num_hidden_layers": 2', '"num_hidden_layers": 1')
    )
    spec = _hf(folder, num_classes=3)
    with pytest.warns(UserWarning, match=r"no place for 16 of its tensors \(vit.\S*layers?.1"):
        fetched_network(spec)


def test_images_that_a_folder_does_not_say_or_that_are_not_made_here(saved):
    folder, _ = saved
    spec = _hf(folder, num_classes=3)
    processing = folder / "preprocessor_config.json"
    processing.write_text('{"do_flip_channel_order": true}')
    with pytest.raises(ConfigError, match=r"channels are blue, green and red\): take timm's"):
        fetched_network(spec)
    processing.unlink()
    with pytest.warns(UserWarning, match=r"no preprocessor_config.json: images have ImageNet's"):
        fetched_network(spec)


def test_a_type_of_transformers_has_no_weights():
    pytest.importorskip("transformers")
    with pytest.raises(ConfigError, match=r"hf:vit names no folder with weights"):
        fetched_network(_spec("hf:vit", num_classes=3))


def test_given_weights_are_taken_whole_or_refused():
    spec, state = _spec("timm:test_resnet", num_classes=3), _states("test_resnet")
    loaded = network_with(spec, state, "w.pth").state_dict()
    assert all(loaded[name].equal(each) for name, each in state.items() if name[:3] != "fc.")
    kept = _states("test_resnet", num_classes=3)
    assert network_with(spec, kept, "w.pth").state_dict()["fc.weight"].equal(kept["fc.weight"])
    state["more"] = torch.zeros(1)
    with pytest.raises(ConfigError, match=r"pretrained=w.pth does not fit .* \(it has more\)"):
        network_with(spec, state, "w.pth")
    with pytest.raises(ConfigError, match=r"pretrained=w.pth does not fit timm:test_resnet"):
        network_with(spec, _states("test_vit"), "w.pth")


def test_loading_elsewhere_is_as_before():
    load = torch.nn.Module.load_state_dict
    with pytest.raises(ConfigError):
        network_with(_spec("timm:test_resnet", num_classes=3), {}, "w.pth")
    assert torch.nn.Module.load_state_dict is load
