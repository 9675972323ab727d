"""Tensors fit the spec they were made with; one that would take all memory is refused at once."""

import dataclasses
import time
from typing import Any

import pytest
import torch
from torch import Tensor

from cotrain import ConfigError
from cotrain.dividing import divide_spec
from cotrain.networks import NetworkSpec, build, check_fits, spec

OWN = spec("basic_resnet8_8", num_classes=3, image_size=8)
TIMM = spec("timm:resnet18", num_classes=3, channels=[8, 16, 32, 64])


def tensors_of(network: NetworkSpec) -> dict[str, Tensor]:
    return build(network).state_dict()


@pytest.mark.parametrize(
    "network",
    [
        OWN,
        TIMM,
        divide_spec(TIMM, 2),
        spec("torchvision:squeezenet1_1", num_classes=3),
        spec("hf:mobilenet_v1", num_classes=3, depth_multiplier=0.25),
    ],
    ids=lambda network: network.arch,
)
def test_a_networks_own_tensors_fit(network: NetworkSpec) -> None:
    before = torch.get_rng_state()
    tensors = tensors_of(network)
    torch.set_rng_state(before)
    check_fits(network, tensors)
    assert torch.equal(torch.get_rng_state(), before)


def test_every_other_tensor_is_named() -> None:
    tensors = tensors_of(OWN)
    last = list(tensors)[-2]
    assert tensors[last].shape == (3, 32)
    for changed, message in (
        ({name: each for name, each in tensors.items() if name != last}, f"{last} lacks"),
        (tensors | {"extra": torch.zeros(1)}, "extra is too many"),
        (tensors | {last: torch.zeros(2, 32)}, f"{last} is float32 [2, 32], not float32 [3, 32]"),
        (tensors | {last: tensors[last].double()}, f"{last} is float64 [3, 32], not float32"),
        (tensors | {last: tensors[last].bfloat16()}, f"{last} is bfloat16 [3, 32], not float32"),
    ):
        with pytest.raises(ConfigError) as caught:
            check_fits(OWN, changed)
        assert str(caught.value).startswith(message)


STRUCTURAL = {"mechanism": "structural"}


@pytest.mark.parametrize(
    ("network", "changes"),
    [
        (OWN, {"blocks": (2**18, 1, 1)}),
        (OWN, {"planes": 2**18}),
        (OWN, {"planes": -1}),
        (OWN, {"stem_width": 0}),
        (OWN, {"blocks": ()}),
        (TIMM, {"kwargs": {"channels": [2**18] * 4}}),
        (TIMM, {"kwargs": {"layers": [2**18] * 4}}),
        (TIMM, {"kwargs": {"stem_width": -1}}),
        (TIMM, {"num_classes": 2**18}),
        (TIMM, {"arch": "timm:vit_giant_patch14_224", "kwargs": {}}),
        (TIMM, {"arch": "timm:vit_tiny_patch16_224", "kwargs": {"depth": 2**18}}),
        (TIMM, {"arch": "timm:vit_tiny_patch16_224", "kwargs": {}, "image_size": 2**18}),
        (TIMM, STRUCTURAL | {"changes": {"shapes": {"fc.weight": [2**18, 2**18]}}}),
        (TIMM, STRUCTURAL | {"changes": {"shapes": {"fc.weight": [3, 0]}}}),
        (TIMM, STRUCTURAL | {"changes": {"shapes": {"fc.nothing": [3]}}}),
        (TIMM, STRUCTURAL | {"changes": {"attributes": {"": {"__class__.forward": 3}}}}),
        (TIMM, {"changes": {"arguments": [[["channels", 0], 2**18]]}}),
        (TIMM, {"changes": {"arguments": [[["forward"], 1]]}}),
    ],
)
def test_what_no_memory_holds_is_refused_at_once(
    network: NetworkSpec, changes: dict[str, Any]
) -> None:
    tensors = tensors_of(network)
    hostile = dataclasses.replace(network, **changes)  # type: ignore[type-var]
    start = time.process_time()
    with pytest.raises(ConfigError):
        check_fits(hostile, tensors)
    assert time.process_time() - start < 10
