"""Weights of others as ensembles: the authors' checkpoints, and large networks of other libraries.

The authors' weights may not be used commercially; the folder they are imported into says so.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.files import atomic_write
from cotrain.config.datasets import DATASETS
from cotrain.dividing import divide_spec
from cotrain.ensemble.ensemble import Ensemble
from cotrain.ensemble.folder import holds_ensemble
from cotrain.ensemble.importing.twins import TWINS, TwinLibrary, in_library_order
from cotrain.ensemble.importing.weights import fit_by_order, read_weights, without_wrappers
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.ensemble.spec import EnsembleSpec
from cotrain.networks import NetworkSpec, build, family_of
from cotrain.networks.registry import named_spec

LICENCE_FILE = "LICENSE-WEIGHTS.txt"
AUTHORS_LICENCE = """\
The weights in model.safetensors were trained by the authors of
  Zhao et al., "Towards Better Accuracy-efficiency Trade-offs: Divide and Co-training",
  IEEE Transactions on Image Processing, 2022, arXiv:2011.14660
and are licensed under CC-BY-NC 4.0 (https://creativecommons.org/licenses/by-nc/4.0/):
name the authors, and do not use the weights, or what is made from them, commercially.
Only the names of the tensors were changed. cotrain's own licence does not cover the weights.
"""


def import_checkpoint(
    arch: str,
    path: Path | str,
    *,
    into: int,
    dataset: str,
    variant: str | None = None,
    num_classes: int | None = None,
    image_size: int | None = None,
) -> Ensemble:
    """The ensemble in a checkpoint of the paper's authors, such as ``model_best.pth.tar``.

    Args:
        arch: Name of the large network.
        path: The file; its tensors are named ``models.<i>.<name>`` for network i.
        into: S.
        dataset: What it was trained on: cifar10, cifar100, svhn or imagenet.
        variant: Which implementation, where the network has several.
        num_classes: The data set's own if None.
        image_size: Pixels; the data set's own if None.

    Raises:
        ConfigError: A file that is refused, or that holds another ensemble than named.
    """
    large = _with_unused_weights(
        named_spec(
            arch,
            dataset=dataset,
            variant=variant,
            num_classes=num_classes,
            image_size=image_size,
        )
    )
    spec = EnsembleSpec.of_equal(
        divide_spec(large, into),
        into,
        large=large,
        preprocessing=_preprocessing(large, dataset),
    )
    return _assemble(spec, _by_network(read_weights(Path(path)), into, path), path)


def import_large(
    arch: str,
    weights: Mapping[str, Tensor] | Path | str,
    *,
    library: TwinLibrary,
    num_classes: int | None = None,
    image_size: int | None = None,
) -> Ensemble:
    """A large network (S=1) with the weights of the network of a library that computes the same.

    Args:
        arch: Our name of the network; ``TWINS`` has the library's.
        weights: The library's state dict, or a file that holds it.
        library: timm or torchvision.
        num_classes: 1000 if None.
        image_size: Pixels; 224 if None.

    Raises:
        ConfigError: The library has no such network, or the weights are of another.
    """
    twins = TWINS[library]
    if arch not in twins.names:
        raise ConfigError(
            f"network={arch!r}: {library} has none that computes the same: "
            f"only {', '.join(twins.names)}"
        )
    large = named_spec(
        arch,
        dataset="imagenet",
        variant=twins.variant if arch.startswith("efficientnet") else None,
        num_classes=num_classes,
        image_size=image_size,
    )
    spec = EnsembleSpec.of_equal(
        large, 1, large=large, preprocessing=_preprocessing(large, "imagenet")
    )
    source = "weights" if isinstance(weights, Mapping) else weights
    given = (
        without_wrappers(weights) if isinstance(weights, Mapping) else read_weights(Path(weights))
    )
    ordered = in_library_order(given, library, twins.names[arch], source)
    return _assemble(spec, [ordered], source)


def ship(ensemble: Ensemble, folder: Path, *, licence: str | None = None) -> None:
    """Save an imported ensemble into a folder that has none, with its licence.

    Raises:
        ConfigError: The folder has one.
        TrainingError: The folder cannot be written.
    """
    if holds_ensemble(folder):
        raise ConfigError(f"output={str(folder)!r} holds an ensemble already: give another folder")
    if licence is not None:
        atomic_write(folder / LICENCE_FILE, licence.encode())
    ensemble.save(folder)  # its description comes last: the folder is an ensemble when it is whole


def _with_unused_weights(large: NetworkSpec) -> NetworkSpec:
    """The spec with the shortcuts that the authors' Shake-Shake carries and does not use."""
    if "unused_shortcuts" not in family_of(large).switches:
        return large
    return replace(large, unused_shortcuts=True)  # type: ignore[type-var]


def _preprocessing(large: NetworkSpec, dataset: str) -> Preprocessing:
    """The authors' preprocessing of test images."""
    facts = DATASETS[dataset]
    return Preprocessing(
        image_size=large.image_size,
        in_channels=large.in_channels,
        mean=facts.mean,
        std=facts.std,
        margin=facts.margin,
    )


def _by_network(
    weights: Mapping[str, Tensor], into: int, source: Path | str
) -> list[dict[str, Tensor]]:
    """The tensors of each of the S networks, under their names in the file."""
    networks: dict[int, dict[str, Tensor]] = {}
    for name, tensor in weights.items():
        found = re.match(r"models\.(\d{1,4})\.", name)
        if found is None:
            raise ConfigError(
                f"{source}: {name} is of no network models.<i>: this is no checkpoint of the "
                "paper's authors: for a large network of a library give --from timm or torchvision"
            )
        networks.setdefault(int(found[1]), {})[name] = tensor
    if sorted(networks) != list(range(into)):
        raise ConfigError(
            f"{source} holds {len(networks)} networks (models.{min(networks)} to "
            f"models.{max(networks)}), not {into}: give --into {len(networks)}"
        )
    return [networks[index] for index in range(into)]


def _assemble(
    spec: EnsembleSpec, networks: Sequence[Mapping[str, Tensor]], source: Path | str
) -> Ensemble:
    """The ensemble of this spec with the weights of each network, in evaluation mode."""
    with torch.device("meta"):
        ensemble = Ensemble([build(spec.network) for _ in range(spec.into)], spec)
    for network, weights in zip(ensemble.networks, networks, strict=True):
        network.load_state_dict(fit_by_order(weights, network.state_dict(), source), assign=True)
    return ensemble.eval()
