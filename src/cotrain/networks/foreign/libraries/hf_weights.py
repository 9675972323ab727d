"""The weights that a folder of transformers has beside its configuration."""

import warnings
from pathlib import Path
from typing import Any

from torch import nn

from cotrain.basics.errors import ConfigError
from cotrain.networks.foreign.libraries.hf_images import processing_of, why_not
from cotrain.networks.foreign.libraries.library import errors_alone
from cotrain.networks.foreign.spec import ForeignSpec
from cotrain.networks.heads import is_of_head

# Whole or in parts.
_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)


def has_weights(folder: Path) -> bool:
    """Whether there are weights in a folder."""
    return any((folder / each).exists() for each in _FILES)


def load_folder(network: nn.Module, folder: Path, spec: ForeignSpec) -> nn.Module:
    """The network with the weights of a folder, in training mode; see ``load_weights``.

    Raises:
        ConfigError: There are none, they lack something, or know images of another kind.
    """
    if not has_weights(folder):
        raise ConfigError(
            f"pretrained=true: {spec.arch} names no folder with weights: give one that has "
            f"{_FILES[0]} beside config.json"
        )
    _check_images(folder)
    return load_weights(network, spec, str(folder), pretrained_model_name_or_path=folder)


def load_weights(network: nn.Module, spec: ForeignSpec, source: str, **given: Any) -> nn.Module:
    """The network with weights by the names of any version of transformers, in training mode.

    What they lack may be of the head alone; what the network has no place for, such as a layer
    that this task does not need, is said.

    Args:
        network: Of this package's, fresh; transformers' own is its ``network``.
        spec: What the network was built by.
        source: What an error calls the weights.
        given: The weights, as ``from_pretrained`` takes them.

    Raises:
        ConfigError: They lack something.
    """
    fresh: Any = network.network
    with errors_alone("transformers"):  # of a table of what does not fit
        network.network, found = type(fresh).from_pretrained(
            **given, config=fresh.config, ignore_mismatched_sizes=True, output_loading_info=True
        )
    names = [*found["missing_keys"], *(name for name, *_ in found["mismatched_keys"])]
    if lacking := [name for name in names if not is_of_head(f"network.{name}", network)]:
        raise ConfigError(
            f"pretrained: the weights in {source} lack {lacking[0]} for images of "
            f"{spec.in_channels} x {spec.image_size} pixels: give its own image size, or "
            "weights of this network"
        )
    if others := sorted(found["unexpected_keys"]):
        warnings.warn(
            f"{source}: the network has no place for {len(others)} of its tensors ({others[0]})",
            stacklevel=2,
        )
    return network.train()


def _check_images(folder: Path) -> None:
    """Say where it is not known how images are normalised; raise ConfigError if it is not done."""
    if reason := why_not(folder):
        raise ConfigError(
            f"pretrained=true: the weights in {folder} know images of another kind ({reason}): "
            "take timm's network of this kind"
        )
    if not processing_of(folder):
        warnings.warn(
            f"{folder} has no preprocessor_config.json: images have ImageNet's mean and deviation "
            "unless data.mean and data.std say otherwise",
            stacklevel=2,
        )
