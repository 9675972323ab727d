"""Trained-like networks of different specs, images and classes, and what is assembled of them."""

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from cotrain import Ensemble, assemble, divide, networks
from cotrain.ensemble.preprocessing import Preprocessing

IMAGES: dict[str, Any] = {"num_classes": 3, "in_channels": 1, "image_size": 8}
CLASSES = ("cat", "dog", "owl")


def lively(
    name: str,
    *,
    into: int = 1,
    seed: int = 0,
    mean: float = 0.5,
    std: float = 0.25,
    classes: tuple[str, ...] = CLASSES,
) -> Ensemble:
    """Networks with a name, far from initialisation, that know their images and classes."""
    ensemble = divide(networks.spec(name, **IMAGES), into, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    for layer in ensemble.modules():
        if isinstance(layer, nn.BatchNorm2d):
            assert layer.running_mean is not None
            assert layer.running_var is not None
            layer.running_mean.copy_(torch.randn(layer.num_features, generator=generator) / 10)
            layer.running_var.copy_(torch.rand(layer.num_features, generator=generator) + 0.5)
    images = Preprocessing(image_size=8, in_channels=1, mean=(mean,), std=(std,))
    ensemble.spec = replace(ensemble.spec, preprocessing=images, classes=classes)
    return ensemble.eval()


def mixed() -> tuple[Ensemble, Ensemble, Ensemble]:
    """Two ensembles of other networks, means and orders of classes, and all three as one."""
    first = lively("basic_resnet8_8", into=2)
    second = lively("basic_resnet14_4", seed=1, mean=0.1, std=0.5, classes=("owl", "cat", "dog"))
    return first, second, assemble([first, second]).eval()
