"""The image classifiers that Hugging Face's transformers builds from a configuration."""

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.networks.foreign.libraries.library import Library, Native
from cotrain.networks.foreign.spec import ForeignSpec

# Of a configuration, what the spec says itself, and what says nothing about the network.
_NOT_KEPT = (
    "architectures",
    "dtype",
    "id2label",
    "label2id",
    "num_labels",
    "image_size",
    "num_channels",
    "transformers_version",
)
# The weights that may stand beside a configuration, whole or in parts.
_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)


class HfClassifier(nn.Module):
    """A network of transformers that takes images [B, C, H, W] and gives logits [B, classes].

    Args:
        config: A configuration of a type that classifies images.
    """

    def __init__(self, config: Any) -> None:
        from transformers import MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING as CLASSIFIERS

        super().__init__()
        found: Any = CLASSIFIERS[type(config)]
        # The first of several is the plain one, such as DeiT without its teacher.
        kind = found[0] if isinstance(found, tuple) else found
        self.network = kind(config)

    def forward(self, images: Tensor) -> Tensor:
        return self.network(pixel_values=images).logits


def _types() -> dict[str, Any]:
    """The configuration classes that classify images, by ``model_type``."""
    from transformers import MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING as CLASSIFIERS

    return {each.model_type: each for each in CLASSIFIERS}


def _file(name: str) -> Path:
    path = Path(name)
    return path if path.suffix == ".json" else path / "config.json"


def _knows(name: str, kwargs: Mapping[str, Any]) -> bool:
    return kwargs.get("model_type", name) in _types() or _file(name).is_file()


def _arguments(name: str) -> dict[str, Any]:
    """The configuration, so that the spec is whole without the file it was read from."""
    path = _file(name)
    config = json.loads(path.read_text()) if path.is_file() else {"model_type": name}
    if config.get("model_type") not in _types():
        raise ConfigError(
            f"{path}: model_type={config.get('model_type')!r} does not classify images: "
            f"use one of {sorted(_types())}"
        )
    if path.is_file() and any(path.with_name(each).exists() for each in _WEIGHTS):
        warnings.warn(
            f"{path.parent}: its weights are not taken, the networks start with fresh ones",
            stacklevel=2,
        )
    return {key: value for key, value in config.items() if key not in _NOT_KEPT}


def _config(kwargs: Mapping[str, Any], **images: int) -> Any:
    """The configuration for these images; a part of it for vision is set alike."""
    values = dict(kwargs)
    config = _types()[values.pop("model_type")](**values)
    for part in (config, getattr(config, "vision_config", None)):
        for key, value in images.items():
            if hasattr(part, key):
                setattr(part, key, value)
    return config


def _native(name: str, kwargs: Mapping[str, Any]) -> Native:
    """From ``preprocessor_config.json`` beside the configuration; else ImageNet's mean and std."""
    beside = _file(name).with_name("preprocessor_config.json")
    images = json.loads(beside.read_text()) if beside.is_file() else {}
    whole = images.get("size") or _image_size(name, kwargs)
    size = _side(images.get("crop_size") or whole)
    # ConvNeXt's processor, which others use too, crops below 384 pixels.
    share = images.get("crop_pct") if size < 384 else None
    margin = max(1.0, 1 / share if share else _side(whole) / size)
    if "image_mean" not in images:
        return Native(image_size=size, margin=margin)
    return Native(
        image_size=size,
        mean=tuple(images["image_mean"]),
        std=tuple(images["image_std"]),
        margin=margin,
    )


def _side(size: Any) -> int:
    """The one side that a size is written as: a number, two, or a mapping of names to numbers."""
    if isinstance(size, Mapping):
        size = tuple(size.values())
    return int(max(size) if isinstance(size, Sequence) else size)


def _image_size(name: str, kwargs: Mapping[str, Any]) -> Any:
    path = _file(name)
    stated = json.loads(path.read_text()).get("image_size") if path.is_file() else None
    config = _config(kwargs)
    vision = getattr(config, "vision_config", config)
    return stated or getattr(vision, "image_size", None) or 224


def _build(spec: ForeignSpec) -> nn.Module:
    config = _config(spec.kwargs, image_size=spec.image_size, num_channels=spec.in_channels)
    config.num_labels = spec.num_classes
    return HfClassifier(config)


def _recognize(module: nn.Module) -> Sequence[ForeignSpec]:
    network = module.network if isinstance(module, HfClassifier) else module
    config: Any = getattr(network, "config", None)
    if getattr(config, "model_type", None) not in _types():
        return ()
    values = json.loads(config.to_json_string(use_diff=True))
    kwargs = {key: value for key, value in values.items() if key not in _NOT_KEPT}
    part = getattr(config, "vision_config", config)
    size = getattr(part, "image_size", 224)
    return [
        ForeignSpec(
            arch=f"hf:{config.model_type}",
            source="hf",
            num_classes=config.num_labels,
            in_channels=getattr(part, "num_channels", 3),
            image_size=max(size) if isinstance(size, Sequence) else int(size),
            kwargs=kwargs,
        )
    ]


LIBRARY = Library(
    package="transformers",
    names=lambda: sorted(_types()),
    knows=_knows,
    native=_native,
    build=_build,
    recognize=_recognize,
    arguments=_arguments,
)
