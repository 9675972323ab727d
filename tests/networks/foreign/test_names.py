import dataclasses
import json
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import nn

from cotrain.basics.errors import ConfigError
from cotrain.basics.seeds import seeded
from cotrain.networks.foreign.libraries.user_networks import register_builder
from cotrain.networks.foreign.names import (
    builder_of,
    check_versions,
    foreign_request,
    native_preprocessing,
    recognize,
)
from cotrain.networks.foreign.spec import ForeignSpec
from cotrain.networks.meta import logits_on_meta, on_meta

NAMES = ["timm:resnet18", "timm:vit_tiny_patch16_224", "torchvision:googlenet"]


class Tiny(nn.Module):
    def __init__(self, width: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, width, 3)
        self.last = nn.Linear(width, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.last(self.first(images).mean((2, 3)))


def logits(spec: ForeignSpec) -> torch.Tensor:
    shape = (spec.in_channels, spec.image_size, spec.image_size)
    return logits_on_meta(on_meta(builder_of(spec)), shape)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_becomes_a_network_of_its_own_image_size(name: str) -> None:
    spec = foreign_request(name, num_classes=7)
    assert spec.image_size == 224
    assert logits(spec).shape == (2, 7)


@pytest.mark.parametrize("name", NAMES)
def test_a_spec_read_back_from_json_builds_equal_weights(name: str) -> None:
    spec = foreign_request(name, num_classes=3)
    again = ForeignSpec(**json.loads(json.dumps(dataclasses.asdict(spec))))
    weights = []
    for each in (spec, again):
        with seeded(5):
            weights.append(builder_of(each)().state_dict())
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_networks_of_a_fixed_size_take_another_size_and_grey_images() -> None:
    spec = foreign_request("timm:vit_tiny_patch16_224", num_classes=4, in_channels=1, image_size=64)
    network = on_meta(builder_of(spec))
    assert network.pos_embed.shape == (1, 1 + (64 // 16) ** 2, 192)
    assert logits(spec).shape == (2, 4)


def test_arguments_reach_the_library() -> None:
    spec = foreign_request("timm:resnet18", num_classes=4, kwargs={"channels": [16, 32, 64, 128]})
    with pytest.raises(ConfigError, match=r"timm:resnet18.*no_such"):
        builder_of(dataclasses.replace(spec, kwargs={"no_such": 1}))()


def test_what_a_network_was_made_for() -> None:
    vit = native_preprocessing(foreign_request("timm:vit_tiny_patch16_224", num_classes=2))
    assert vit is not None
    assert (vit.image_size, vit.mean, vit.std) == (224, (0.5,) * 3, (0.5,) * 3)
    grey = foreign_request("torchvision:resnet18", num_classes=2)
    found = native_preprocessing(dataclasses.replace(grey, in_channels=1))
    assert found is not None
    assert found.mean == pytest.approx(((0.485 + 0.456 + 0.406) / 3,))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("timm:resnte18", "did you mean timm:resnet18"),
        ("torchvision:resnet51", "did you mean torchvision:resnet50"),
        ("keras:resnet50", "names no library"),
        ("python:nobody", "register it first"),
    ],
)
def test_unknown_names_are_answered_with_the_next_step(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        foreign_request(name, num_classes=2)


def test_a_registered_builder_gets_what_it_has_parameters_for() -> None:
    register_builder("tiny", Tiny)
    with pytest.raises(ConfigError, match="give image_size"):
        foreign_request("python:tiny", num_classes=6)
    spec = foreign_request("python:tiny", num_classes=6, image_size=16, kwargs={"width": 5})
    network: Any = on_meta(builder_of(spec))
    assert network.last.weight.shape == (6, 5)
    assert spec.versions == {}


def test_another_version_of_the_library_is_told() -> None:
    spec = foreign_request("timm:resnet18", num_classes=2)
    assert check_versions(spec) is None
    older = dataclasses.replace(spec, versions={"timm": "0.0.1"})
    assert "timm 0.0.1, installed is" in str(check_versions(older))


def test_instances_are_recognized_with_their_classes_and_rates() -> None:
    spec = recognize(timm.create_model("resnet18", num_classes=5, in_chans=1, drop_path_rate=0.1))
    assert spec is not None
    assert (spec.arch, spec.num_classes, spec.in_channels) == ("timm:resnet18", 5, 1)
    assert spec.kwargs == {"drop_path_rate": 0.1}
    found = recognize(torchvision.models.resnet34(num_classes=4))
    assert found is not None
    assert (found.arch, found.num_classes) == ("torchvision:resnet34", 4)


def test_instances_that_no_name_rebuilds_are_not_recognized() -> None:
    assert recognize(Tiny()) is None
    assert recognize(timm.create_model("resnet18", channels=(8, 16, 32, 64))) is None
    other_activation = timm.create_model("resnet18", act_layer=nn.LeakyReLU)
    assert recognize(other_activation) is None
    with torch.device("meta"):
        heads = [timm.create_model("vit_tiny_patch16_224", num_heads=n) for n in (3, 6)]
    assert [recognize(each) is None for each in heads] == [False, True]


@pytest.mark.parametrize("changes", [True, False])
def test_inception_networks_keep_whether_they_change_their_images(changes: bool) -> None:
    """As torchvision's weights for them ask for, which know other images than ImageNet's."""
    with torch.device("meta"):
        network = torchvision.models.googlenet(
            transform_input=changes, aux_logits=False, init_weights=False
        )
    found = recognize(network)
    assert found is not None
    assert found.kwargs == {"transform_input": changes}
    assert on_meta(builder_of(found)).transform_input is changes


def test_names_of_inception_networks_change_images_but_those_saved_before_do_not() -> None:
    named = foreign_request("torchvision:googlenet", num_classes=3)
    assert on_meta(builder_of(named)).transform_input is True
    saved = dataclasses.replace(named, kwargs={})
    assert on_meta(builder_of(saved)).transform_input is False


def test_a_configuration_of_transformers_is_kept_whole_in_the_spec(tmp_path) -> None:
    pytest.importorskip("transformers")
    config = {"model_type": "vit", "hidden_size": 32, "num_hidden_layers": 2, "image_size": 32}
    config |= {"num_attention_heads": 4, "intermediate_size": 64, "patch_size": 8}
    (tmp_path / "config.json").write_text(json.dumps(config))
    sizes = {"size": {"height": 48, "width": 48}, "image_mean": [0.1] * 3, "image_std": [0.2] * 3}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(sizes))
    spec = foreign_request(f"hf:{tmp_path}", num_classes=3)
    native = native_preprocessing(spec)
    assert native is not None
    assert (native.image_size, native.mean) == (48, (0.1,) * 3)
    (tmp_path / "model.safetensors").touch()
    with pytest.warns(UserWarning, match="its weights are taken with pretrained=true only"):
        foreign_request(f"hf:{tmp_path}", num_classes=3)
    (tmp_path / "config.json").unlink()
    assert logits(spec).shape == (2, 3)
    again = recognize(builder_of(spec)())
    assert again is not None
    assert again.kwargs["hidden_size"] == 32
    with pytest.raises(ConfigError, match=r"nothing is downloaded: .*, and no comma in its path"):
        foreign_request("hf:google/vit-base-patch16-224", num_classes=3)
