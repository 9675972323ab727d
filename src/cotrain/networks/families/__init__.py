"""The published families of networks, one a file."""

from cotrain.networks.families import (
    densenet,
    efficientnet,
    pyramidnet,
    resnest,
    resnet_names,
    resnexst,
    senet,
    shake_shake,
)
from cotrain.networks.family import Family

FAMILIES: tuple[Family, ...] = (
    densenet.FAMILY,
    efficientnet.FAMILY,
    pyramidnet.FAMILY,
    resnest.FAMILY,
    resnet_names.FAMILY,
    resnexst.FAMILY,
    senet.FAMILY,
    shake_shake.FAMILY,
)
