"""What all families share: layouts, records, options, sizes, and training with random parts."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from of_networks import gradients_of
from torch import nn

from cotrain import ConfigError
from cotrain.dividing import divide_spec
from cotrain.networks import (
    build,
    family_of,
    list_networks,
    spec,
    spec_for_images,
    spec_from_dict,
    spec_to_dict,
)

NAMES = list_networks()
DATASETS = ("cifar100", "imagenet")


def photo(name: str, **options) -> Any:
    return spec(name, dataset="imagenet", **options)


# One of every family, small enough to train for a step.
SMALL = {
    "resnet": lambda: spec("resnet11", num_classes=5, dropout=0.1),
    "resnet of photos": lambda: replace(photo("resnet101", num_classes=5), blocks=(1, 1, 1, 1)),
    "senet": lambda: spec("se_resnet11", num_classes=5, drop_block=0.1),
    "senet of photos": lambda: replace(photo("senet154", num_classes=5), blocks=(1, 1, 1, 1)),
    "resnexst": lambda: replace(photo("resnexst50_4x16d", num_classes=5), blocks=(1, 1, 1, 1)),
    "shake_shake": lambda: replace(spec("shake_resnet26_2x96d", num_classes=5), width=4),
    "densenet": lambda: spec("densenet10_4", num_classes=5),
    "pyramidnet": lambda: spec("pyramidnet11_10", num_classes=5),
    "lightnet": lambda: spec("efficientnetb0", num_classes=5),
    "lukemelas": lambda: photo("efficientnetb0", num_classes=5, drop_connect=0.2),
}


def refusal(name: str, dataset: str) -> str | None:
    """The error for the name in this data set's layout, if there is one."""
    try:
        spec(name, dataset=dataset)
    except ConfigError as error:
        return str(error)
    return None


def layouts(name: str) -> list[str]:
    return [dataset for dataset in DATASETS if refusal(name, dataset) is None]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_has_one_layout_but_for_efficientnet_and_errors_name_it(name):
    assert len(layouts(name)) == (2 if name.startswith("efficientnet") else 1)
    for dataset, other in (("cifar100", "imagenet"), ("imagenet", "cifar10")):
        message = refusal(name, dataset)
        if message is not None:
            assert message.startswith(f"network={name!r} is not known for")
            assert f'dataset="{other}"' in message


@pytest.mark.parametrize("name", NAMES)
def test_records_survive_json(name):
    for dataset in layouts(name):
        large = spec(name, dataset=dataset, num_classes=7, in_channels=1, image_size=40)
        small = large if name.startswith("resnest") else divide_spec(large, 2)
        for each in (large, small):
            record = json.loads(json.dumps(spec_to_dict(each)))
            assert spec_from_dict(record) == each
            assert hash(spec_from_dict(record)) == hash(each)


@pytest.mark.parametrize("size", [8, 33, 224])
@pytest.mark.parametrize("name", NAMES)
def test_images_of_ones_own_have_any_name_at_any_size(name, size):
    found = spec_for_images(name, num_classes=7, in_channels=1, image_size=size)
    assert (found.arch, found.num_classes, found.in_channels) == (name, 7, 1)
    if size == 8 and name not in ("resnest200", "resnest269"):  # as deep as others, and slow
        with torch.device("meta"):
            network = build(found).eval()
        assert network(torch.zeros(2, 1, 8, 8, device="meta")).shape == (2, 7)


def test_options_are_checked():
    with pytest.raises(ConfigError, match=r"image_sise=32 is no option of resnet110.*dropout"):
        spec("resnet110", image_sise=32)
    for value in (-0.1, 1, "0.1", True, None, float("nan")):
        with pytest.raises(ConfigError, match=f"dropout={value!r} is no probability"):
            spec("resnet110", dropout=value)
    found: Any = spec_for_images(
        "efficientnetb0", num_classes=3, in_channels=3, image_size=64, dropout=0, channel_dropout=0
    )
    assert (found.dropout, found.channel_dropout) == (0, 0)


@pytest.mark.parametrize("name", [name for name in SMALL if name != "shake_shake"])
def test_probabilities_are_divided_by_their_family_s_exponents(name):
    large = SMALL[name]()
    small = divide_spec(large, 2)
    for field, exponent in family_of(large).regularization.items():
        assert getattr(small, field) == pytest.approx(getattr(large, field) / 2**exponent)


@pytest.mark.parametrize("name", SMALL)
def test_a_step_in_half_precision_trains_every_weight_and_repeats(name):
    """Every parameter gets a finite gradient; the seed repeats the step; another one does not."""
    torch.manual_seed(0)
    network = build(SMALL[name]()).train()
    images = torch.randn(4, 3, 32, 32)
    gradients = []
    for seed in (1, 1, 2):
        network.zero_grad()
        torch.manual_seed(seed)
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(images)
        nn.functional.cross_entropy(logits.float(), torch.arange(4)).backward()
        gradients.append(gradients_of(network))
    assert all(each.isfinite().all() for each in gradients)
    assert torch.equal(gradients[0], gradients[1])
    is_random = name not in ("densenet", "resnexst")
    assert torch.equal(gradients[0], gradients[2]) != is_random


@pytest.mark.parametrize("name", SMALL)
def test_evaluation_is_not_random(name):
    torch.manual_seed(0)
    network = build(SMALL[name]()).eval()
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(network(images), network(images))
