"""The image classifiers that Hugging Face's transformers builds from a configuration."""

import inspect
import json
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.basics.reading import read_json
from cotrain.networks.foreign.libraries.hf_images import images_of
from cotrain.networks.foreign.libraries.hf_weights import has_weights, load_folder, load_weights
from cotrain.networks.foreign.libraries.library import Library, Native
from cotrain.networks.foreign.spec import ForeignSpec

# Of a configuration, what the spec says itself, and what says nothing about the network.
_NOT_KEPT = {
    "_attn_implementation_autoset",
    "_label_trainable_num_channels",
    "_name_or_path",
    "architectures",
    "dtype",
    "id2label",
    "image_size",
    "label2id",
    "num_channels",
    "num_labels",
    "torch_dtype",
    "transformers_version",
}
# It builds networks of timm by names and arguments of its own, which may be addresses and files.
_REFUSED = {"timm_wrapper"}


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

    return {each.model_type: each for each in CLASSIFIERS if each.model_type not in _REFUSED}


def _file(name: str) -> Path:
    path = Path(name)
    return path if path.suffix == ".json" else path / "config.json"


def _folder(name: str) -> Path:
    return _file(name).parent


def _knows(name: str, kwargs: Mapping[str, Any]) -> bool:
    if "model_type" in kwargs:  # a spec's: no file that it names is looked at
        return str(kwargs["model_type"]) in _types()
    return name in _types() or _file(name).is_file()


def _accepts(name: str, kwargs: Mapping[str, Any]) -> Collection[str]:
    """What a configuration of this type has; what has no place in it chooses code to fetch."""
    own = dir(_types()[kwargs["model_type"]]())
    return _NOT_KEPT | {each for each in own if not each.startswith("_")}


def _declared(kind: Any) -> set[str]:
    """Names of the settings of a class of configurations."""
    names = set(inspect.signature(kind).parameters) | set(getattr(kind, "attribute_map", ()))
    return {name for name in names if not name.startswith("_")}


def _kept(kind: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a class of configurations declares, and those of its parts alike.

    Others follow from these, or choose code to fetch.
    """
    parts = getattr(kind, "sub_configs", {})
    return {
        name: _kept(parts[name], value) if name in parts and isinstance(value, Mapping) else value
        for name, value in values.items()
        if name in _declared(kind) and name not in _NOT_KEPT
    }


def _arguments(name: str) -> dict[str, Any]:
    """The configuration, so that the spec is whole without the file it was read from."""
    path = _file(name)
    config = read_json(path) if path.is_file() else {"model_type": name}
    model_type = config.get("model_type") if isinstance(config, dict) else None
    if model_type not in _types():
        raise ConfigError(
            f"{path}: model_type={model_type!r} does not classify images: "
            f"use one of {sorted(_types())}"
        )
    if path.is_file() and has_weights(path.parent):
        warnings.warn(
            f"{path.parent}: its weights are taken with pretrained=true only",
            stacklevel=2,
        )
    return {"model_type": model_type, **_kept(_types()[model_type], config)}


def _config(kwargs: Mapping[str, Any], **images: int) -> Any:
    """The configuration for these images; a part of it for vision is set alike."""
    kind = _types()[kwargs["model_type"]]
    config = kind(**_kept(kind, kwargs))
    for part in (config, getattr(config, "vision_config", None)):
        for key, value in images.items():
            if hasattr(part, key):
                setattr(part, key, value)
    return config


def _native(name: str, kwargs: Mapping[str, Any]) -> Native:
    return images_of(_folder(name), _image_size(name, kwargs))


def _image_size(name: str, kwargs: Mapping[str, Any]) -> Any:
    path = _file(name)
    stated = read_json(path).get("image_size") if path.is_file() else None
    config = _config(kwargs)
    vision = getattr(config, "vision_config", config)
    return stated or getattr(vision, "image_size", None) or 224


def _build(spec: ForeignSpec) -> nn.Module:
    config = _config(spec.kwargs, image_size=spec.image_size, num_channels=spec.in_channels)
    config.num_labels = spec.num_classes
    return HfClassifier(config)


def _fetch(spec: ForeignSpec) -> nn.Module:
    return load_folder(_build(spec), _folder(spec.arch.partition(":")[2]), spec)


def _adapt(spec: ForeignSpec, state: Mapping[str, Tensor]) -> nn.Module:
    named = {name.removeprefix("network."): each for name, each in state.items()}
    given = {"pretrained_model_name_or_path": None, "state_dict": named}
    return load_weights(_build(spec), spec, "the file", **given)


def _recognize(module: nn.Module) -> Sequence[ForeignSpec]:
    network = module.network if isinstance(module, HfClassifier) else module
    config: Any = getattr(network, "config", None)
    if getattr(config, "model_type", None) not in _types():
        return ()
    values = json.loads(config.to_json_string(use_diff=True))
    kwargs = {"model_type": config.model_type, **_kept(type(config), values)}
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
    accepts=_accepts,
    native=_native,
    build=_build,
    recognize=_recognize,
    arguments=_arguments,
    fetch=_fetch,
    adapt=_adapt,
    source=lambda spec: f"they are those in {_folder(spec.arch.partition(':')[2])}",
)
