"""Specs survive JSON; records that no network has are refused, and nothing they name is touched."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from pickles import Payload

from cotrain import ConfigError
from cotrain.dividing import divide_spec
from cotrain.networks import (
    blank,
    build,
    list_networks,
    spec,
    spec_for_images,
    spec_from_dict,
    spec_to_dict,
)
from cotrain.networks.foreign import ForeignSpec

OWN = spec_to_dict(spec("basic_resnet8_8", num_classes=3, image_size=8))
TIMM = spec_to_dict(spec("timm:resnet18", num_classes=3))


@pytest.mark.parametrize("name", list_networks())
def test_every_spec_survives_json(name: str) -> None:
    named = spec_for_images(name, num_classes=7, in_channels=3, image_size=64)
    assert spec_from_dict(json.loads(json.dumps(spec_to_dict(named)))) == named


def test_a_divided_network_of_a_library_survives_json() -> None:
    for network in (TIMM, spec_to_dict(spec("hf:mobilenet_v1", num_classes=3))):
        divided = divide_spec(spec_from_dict(network), 2)
        assert isinstance(divided, ForeignSpec)
        again = spec_from_dict(json.loads(json.dumps(spec_to_dict(divided))))
        assert json.dumps(spec_to_dict(again)) == json.dumps(spec_to_dict(divided))
        shapes = [
            {name: each.shape for name, each in build(each).state_dict().items()}
            for each in (divided, again)
        ]
        assert shapes[0] == shapes[1]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({}, "is not a spec of this version"),
        ({"family": ["resnet"]}, "is not a spec of this version"),
        (OWN | {"family": "senet"}, "is not a spec of this version"),
        (OWN | {"more": 1}, "is not a spec of this version"),
        (OWN | {"planes": "8"}, "network.planes='8' is not a whole number"),
        (OWN | {"planes": True}, "network.planes=True is not a whole number"),
        (OWN | {"planes": 2**18 + 1}, "network.planes=262145 is above 262,144"),
        (OWN | {"blocks": [1, -(10**9), 1]}, "network.blocks=-1000000000 is above 262,144"),
        (OWN | {"blocks": [[1]]}, "network.blocks=[[1]] is not a list, each a whole number"),
        (OWN | {"block": "os.system"}, "network.block='os.system' is not one of basic, bottleneck"),
        (OWN | {"arch": 5}, "network.arch=5 is not text"),
        (OWN | {"image_size": 10**5}, "images of 3 channels of 100000 pixels"),
        (OWN | {"image_size": -5}, "images of 3 channels of -5 pixels"),
        (OWN | {"in_channels": 0}, "images of 0 channels"),
        (TIMM | {"kwargs": []}, "network.kwargs=[] is not a map"),
        (TIMM | {"kwargs": {"depth": 10**9}}, "network.kwargs.depth=1000000000 is above"),
        (TIMM | {"source": "pip"}, "network.source='pip' is not one of timm, torchvision, hf"),
        (TIMM | {"mechanism": "magic"}, "network.mechanism='magic' is not one of whole"),
        (TIMM | {"dropout_divisor": 0}, "dropout_divisor=0.0 is below 1"),
        (TIMM | {"versions": {"timm": 1}}, "network.versions={'timm': 1} is not a map"),
        (TIMM | {"changes": {"code": {}}}, "are no numbers for arguments, attributes and shapes"),
        (TIMM | {"changes": {"arguments": [[["act"], "x"]]}}, "are no numbers"),
        (TIMM | {"changes": {"arguments": [1]}}, "are no numbers"),
        (TIMM | {"changes": {"attributes": {"": {"forward": "os.system"}}}}, "are no numbers"),
        (TIMM | {"changes": {"shapes": {"fc.weight": [-1, 3]}}}, "are no numbers"),
        (TIMM | {"changes": {"shapes": {"fc.weight": 3}}}, "are no numbers"),
    ],
)
def test_what_no_network_has_is_refused(record: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        spec_from_dict(record)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("arch", "kwargs"),
    [
        ("timm:resnet18", {"checkpoint_path": "FILE"}),
        ("timm:resnet18", {"pretrained": True}),
        ("timm:resnet18", {"pretrained_cfg": {"file": "FILE"}}),
        ("timm:resnet18", {"pretrained_cfg_overlay": {"url": "http://127.0.0.1:9/x"}}),
        ("timm:resnet18", {"pretrained_model_args": {}}),
        ("timm:resnet18", {"cache_dir": "DIR"}),
        ("timm:resnet18", {"features_only": True}),
        ("timm:resnet18", {"device": "meta"}),
        ("timm:resnet18", {"num_classes": 5}),
        ("timm:hf-hub:org/name", {}),
        ("timm:local-dir:DIR", {}),
        ("torchvision:resnet18", {"weights": "DEFAULT"}),
        ("torchvision:resnet18", {"weights_backbone": "DEFAULT"}),
        ("torchvision:resnet18", {"pretrained": True}),
        ("torchvision:quantized_resnet18", {}),
        ("hf:vit", {"model_type": "vit", "auto_map": {"AutoConfig": "evil--code.Config"}}),
        ("hf:vit", {"model_type": "vit", "attn_implementation": "kernels-community/flash"}),
        ("hf:vit", {"model_type": "vit", "_attn_implementation": "kernels-community/flash"}),
        ("hf:vit", {"model_type": "vit", "quantization_config": {"quant_method": "awq"}}),
        ("hf:vit", {"model_type": "timm_wrapper", "architecture": "hf-hub:org/name"}),
        (
            "hf:timm_wrapper",
            {
                "model_type": "timm_wrapper",
                "architecture": "resnet18",
                "model_args": {"checkpoint_path": "FILE"},
            },
        ),
        ("hf:org/name", {"model_type": ["vit"]}),
        ("hf:org/name", {}),
        ("python:os.system", {"command": "touch FILE"}),
        ("nobody:resnet18", {}),
    ],
)
def test_arguments_that_fetch_or_run_never_reach_a_library(
    arch: str, kwargs: dict[str, Any], tmp_path: Path, canary: Path
) -> None:
    (tmp_path / "file.pth").write_bytes(pickle.dumps(Payload(canary)))
    text = json.dumps(kwargs).replace("FILE", str(tmp_path / "file.pth"))
    source = arch.partition(":")[0]
    record = TIMM | {
        "arch": arch.replace("DIR", str(tmp_path)),
        "source": source if source in ("timm", "torchvision", "hf", "python") else "timm",
        "kwargs": json.loads(text.replace("DIR", str(tmp_path))),
        "versions": {},
    }
    hostile = spec_from_dict(record)
    with pytest.raises(ConfigError), torch.device("meta"):
        build(hostile)


def test_a_version_of_another_package_is_refused() -> None:
    with pytest.raises(ConfigError, match="versions name 'evil', which does not build it"):
        blank(spec_from_dict(TIMM | {"versions": {"evil": "1.0"}}))
