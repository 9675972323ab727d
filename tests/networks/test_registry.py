"""Names, data sets and records become specs, and families are registered."""

import json
from dataclasses import FrozenInstanceError, dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cotrain import ConfigError
from cotrain.networks import (
    build,
    family_of,
    list_networks,
    registry,
    spec,
    spec_for_images,
    spec_from_dict,
    spec_to_dict,
)
from cotrain.networks.family import Family

SMALL = ("wide_resnet10_1", "resnet11", "resnext11_2x4d", "basic_resnet8_4")


def test_unknown_name_lists_close_ones():
    with pytest.raises(ConfigError, match=r"network='wide_resnet2810'.*wide_resnet28_10"):
        spec("wide_resnet2810")
    with pytest.raises(ConfigError, match=r"network='@'.*cotrain networks lists all"):
        spec("@")


@pytest.mark.parametrize(
    "name", ["Wide_ResNet28_10", "wide_resnet28_10 ", "xwide_resnet28_10", "wide_resnet-28_10", ""]
)
def test_names_match_as_a_whole(name):
    with pytest.raises(ConfigError, match="is not known"):
        spec(name)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_classes": 1}, r"num_classes=1 is not in \[2, 1000000\]"),
        ({"in_channels": 0}, "in_channels=0 is neither 1"),
        ({"in_channels": 2}, "in_channels=2 is neither 1"),
        ({"in_channels": 4}, "in_channels=4 is neither 1"),
        ({"image_size": 7}, r"image_size=7 is not in \[8, 4096\]"),
        ({"image_size": 10**11}, r"image_size=100000000000 is not in"),
        ({"num_classes": 10**20}, r"is not in \[2, 1000000\]"),
        ({"dataset": "mnist"}, "dataset='mnist' has no network layout"),
    ],
)
def test_impossible_images_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        spec("basic_resnet", **options)


@given(
    name=st.sampled_from([*SMALL, "wide_resnet40_10", "resnext29_8x64d"]),
    classes=st.integers(2, 2000),
    size=st.integers(8, 500),
    channels=st.sampled_from([1, 3]),
)
def test_spec_survives_json(name, classes, size, channels):
    found = spec(name, num_classes=classes, image_size=size, in_channels=channels)
    record = json.loads(json.dumps(spec_to_dict(found)))
    assert record["family"] == family_of(found).name
    assert spec_from_dict(record) == found
    assert hash(spec_from_dict(record)) == hash(found)


@pytest.mark.parametrize(
    "change",
    [{"family": "none"}, {"family": None}, {"depth": 3}],
    ids=["unknown family", "no family", "unknown field"],
)
def test_records_of_another_version_are_refused(change):
    record = spec_to_dict(spec("basic_resnet")) | change
    with pytest.raises(ConfigError, match="is not a spec of this version"):
        spec_from_dict(record)


def test_a_record_with_a_field_missing_is_refused():
    record = spec_to_dict(spec("basic_resnet"))
    del record["num_classes"]
    with pytest.raises(ConfigError, match="is not a spec of this version"):
        spec_from_dict(record)


def test_specs_are_frozen_and_only_specs_are_built():
    found: Any = spec("basic_resnet")
    with pytest.raises(FrozenInstanceError):
        found.num_classes = 3
    name: Any = "basic_resnet"
    with pytest.raises(ConfigError, match="no registered family"):
        build(name)


@dataclass(frozen=True, kw_only=True)
class PhotoSpec:
    """A family of the test's own, for photos only."""

    arch: str
    num_classes: int
    in_channels: int
    image_size: int


@pytest.fixture
def photos(monkeypatch):
    def parse(request):
        if request.layout != "imagenet" or request.arch != "photo":
            return None
        return PhotoSpec(
            arch=request.arch,
            num_classes=request.num_classes,
            in_channels=request.in_channels,
            image_size=request.image_size,
        )

    family = Family(
        name="photos",
        spec_type=PhotoSpec,
        names=("photo",),
        parse=parse,
        build=lambda spec: nn.Linear(spec.in_channels, spec.num_classes),
        widths=lambda spec: (spec.in_channels,),
        divide=lambda spec, into: spec,
        regularization={},
    )

    monkeypatch.setitem(registry._FAMILIES, family.name, family)


@pytest.mark.usefixtures("photos")
def test_a_registered_family_is_listed_found_and_built():
    assert "photo" in list_networks()
    found = spec("photo", dataset="imagenet")
    assert (found.num_classes, found.in_channels, found.image_size) == (1000, 3, 224)
    assert build(found).weight.shape == (1000, 3)
    assert spec_from_dict(spec_to_dict(found)) == found
    with pytest.raises(ConfigError, match="is not known"):
        spec("photo", dataset="cifar10")


@pytest.mark.usefixtures("photos")
def test_images_of_ones_own_take_the_layout_that_has_the_name():
    for size in (32, 224):
        photo = spec_for_images("photo", num_classes=4, in_channels=1, image_size=size)
        assert photo == PhotoSpec(arch="photo", num_classes=4, in_channels=1, image_size=size)
        small = spec_for_images("wide_resnet16_8", num_classes=4, in_channels=1, image_size=size)
        assert small == spec("wide_resnet16_8", num_classes=4, in_channels=1, image_size=size)
    with pytest.raises(ConfigError, match="network='nothing' is not known"):
        spec_for_images("nothing", num_classes=4, in_channels=1, image_size=32)


@pytest.mark.parametrize("name", ["basic_resnet8_1000000", "wide_resnet99999999994_4"])
def test_names_of_networks_that_no_memory_holds_are_refused(name):
    with pytest.raises(ConfigError, match=f"network='{name}': [0-9]+ is above 5000: give less"):
        spec(name)


def test_no_classes_are_not_taken_for_none_given():
    with pytest.raises(ConfigError, match="num_classes=0 is not in"):
        spec("timm:resnet18", num_classes=0)
