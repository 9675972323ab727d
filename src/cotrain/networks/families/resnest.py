"""ResNeSt (arXiv:2004.08955): timm's networks, which are the same weight for weight."""

from dataclasses import dataclass

from torch import nn

from cotrain.basics.errors import IndivisibleError
from cotrain.networks.family import CommonSpec, Family, Request


@dataclass(frozen=True, kw_only=True)
class ResNeStSpec(CommonSpec):
    """A ResNeSt; the name says it all."""


_TIMM = {"resnest101": "resnest101e", "resnest200": "resnest200e", "resnest269": "resnest269e"}


def parse(request: Request) -> ResNeStSpec | None:
    """The spec of a published name; all are for photos."""
    if request.layout != "imagenet" or request.arch not in _TIMM:
        return None
    return ResNeStSpec(**request.common)


def build(spec: ResNeStSpec) -> nn.Module:
    """timm's network. Its draw is that of the paper, but for the last BatchNorm of a block: 1."""
    # timm imports its whole model zoo: not before one of these networks is needed.
    from timm import create_model

    return create_model(
        _TIMM[spec.arch],
        num_classes=spec.num_classes,
        in_chans=spec.in_channels,
        zero_init_last=False,
    )


def widths(spec: ResNeStSpec) -> tuple[int, ...]:
    """Channels after the stem and after each stage."""
    return 128, 256, 512, 1024, 2048


def divide(spec: ResNeStSpec, into: int) -> ResNeStSpec:
    """Refused: the paper compares with the whole networks only."""
    raise IndivisibleError("no division of ResNeSt is published")


FAMILY = Family(
    name="resnest",
    spec_type=ResNeStSpec,
    names=tuple(_TIMM),
    parse=parse,
    build=build,
    widths=widths,
    divide=divide,
    regularization={},
)
