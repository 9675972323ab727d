"""The names of ResNets, Wide ResNets and ResNeXts: any depth and width for small images, the
published ones for photos."""

import re
from collections.abc import Callable
from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.networks.families.resnet import ResNetSpec, build, divide, widths
from cotrain.networks.families.rules import equal_stages
from cotrain.networks.family import Family, Request

# Blocks of each stage, and what differs from a ResNet.
_PHOTOS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "resnet50": ((3, 4, 6, 3), {}),
    "resnet101": ((3, 4, 23, 3), {"dropout": 0.1}),
    "resnet152": ((3, 8, 36, 3), {}),
    "resnet200": ((3, 24, 36, 3), {}),
    "wide_resnet50_2": ((3, 4, 6, 3), {"base_width": 128, "divided_by": "base_width"}),
    "wide_resnet50_3": ((3, 4, 6, 3), {"base_width": 192, "divided_by": "base_width"}),
    "wide_resnet101_2": ((3, 4, 23, 3), {"base_width": 128, "divided_by": "wide_stem"}),
    "resnext50_32x4d": ((3, 4, 6, 3), {"groups": 32, "base_width": 4, "divided_by": "groups"}),
    "resnext101_32x4d": ((3, 4, 23, 3), {"groups": 32, "base_width": 4, "divided_by": "groups"}),
    "resnext101_64x4d": ((3, 4, 23, 3), {"groups": 64, "base_width": 4, "divided_by": "groups"}),
}


def parse(request: Request) -> ResNetSpec | None:
    """The spec of a published name for photos; for small images of ``wide_resnet<d>_<k>``,
    ``resnet<d>``, ``resnext<d>_<groups>x<width>d`` and ``basic_resnet<d>_<w>``."""
    if (request.arch in _PHOTOS) != (request.layout == "imagenet"):
        return None
    if request.layout == "imagenet":
        blocks, differences = _PHOTOS[request.arch]
        resnet = {"block": "bottleneck", "stem_width": 64, "planes": 64, "divided_by": "stem"}
        fields = {"layout": "imagenet", "blocks": blocks, **resnet, **differences}
        return ResNetSpec(**request.common, **fields)
    for pattern, fields_of in _PATTERNS.items():
        match = re.fullmatch(pattern, request.arch)
        if match:
            numbers = (int(number) for number in match.groups() if number)
            return ResNetSpec(**request.common, **fields_of(request.arch, *numbers))
    return None


def _wide_resnet(arch: str, depth: int, factor: int) -> dict[str, Any]:
    if factor < 1:
        raise ConfigError(f"network={arch!r}: widen factor {factor} is below 1: give at least 1")
    return {
        "block": "basic",
        "blocks": equal_stages(arch, depth, per_block=2, extra=4),
        "stem_width": 16,
        "planes": 16 * factor,
        # The one network for small images in the paper that has dropout before its classifier.
        "dropout": 0.1 if arch == "wide_resnet40_10" else 0.0,
        "divided_by": "widen_factor",
    }


def _resnet(arch: str, depth: int) -> dict[str, Any]:
    blocks = equal_stages(arch, depth, per_block=3, extra=2)
    widths = {"stem_width": 16, "planes": 16, "divided_by": "stem"}
    return {"block": "bottleneck", "blocks": blocks, **widths}


def _resnext(arch: str, depth: int, groups: int, base_width: int) -> dict[str, Any]:
    if groups < 1 or base_width < 1:
        raise ConfigError(f"network={arch!r}: groups and group width must be at least 1")
    return {
        "block": "bottleneck",
        "blocks": equal_stages(arch, depth, per_block=3, extra=2),
        "stem_width": 64,
        "planes": 64,
        "groups": groups,
        "base_width": base_width,
        "divided_by": "groups",
    }


def _basic_resnet(arch: str, depth: int = 8, width: int = 32) -> dict[str, Any]:
    if width < 1:
        raise ConfigError(f"network={arch!r}: width {width} is below 1: give at least 1")
    blocks = equal_stages(arch, depth, per_block=2, extra=2)
    return {
        "block": "basic",
        "blocks": blocks,
        "stem_width": width,
        "planes": width,
        "divided_by": "width",
        "initialization": "torchvision",
    }


_PATTERNS: dict[str, Callable[..., dict[str, Any]]] = {
    r"wide_resnet(\d+)_(\d+)": _wide_resnet,
    r"resnet(\d+)": _resnet,
    r"resnext(\d+)_(\d+)x(\d+)d": _resnext,
    r"basic_resnet(?:(\d+)_(\d+))?": _basic_resnet,
}

FAMILY = Family(
    name="resnet",
    spec_type=ResNetSpec,
    names=(
        "basic_resnet",
        "resnet110",
        "resnet164",
        "resnext29_8x64d",
        "resnext29_16x64d",
        "wide_resnet16_8",
        "wide_resnet16_12",
        "wide_resnet28_10",
        "wide_resnet40_10",
        "wide_resnet52_8",
        *_PHOTOS,
    ),
    parse=parse,
    build=build,
    widths=widths,
    divide=divide,
    regularization={"dropout": 1.0},
)
