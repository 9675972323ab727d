"""What is shipped: a folder with ``spec.json`` and ``model.safetensors``, nothing pickled.

``spec.json`` holds the ensemble's description and the digest of the weights, so that a file that
was changed, cut or mixed up is noticed. ``calibration.json`` and ``cascade.json`` stand beside them
where they were fitted; without them the answers are those of all networks.
"""

import json
import reprlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.files import atomic_write, digest, write_json
from cotrain.basics.machine import __version__
from cotrain.basics.reading import read_json
from cotrain.basics.tensors import parse_tensors
from cotrain.ensemble.fitted import (
    Fitted,
    read_beside,
    remove_beside,
    write_all_beside,
    write_beside,
)
from cotrain.ensemble.member import Member
from cotrain.ensemble.peers.spec import PeerSpec
from cotrain.ensemble.spec import EnsembleSpec
from cotrain.networks import check_fits

_SPEC = "spec.json"
_WEIGHTS = "model.safetensors"
# Of networks that were divided alike, and of others.
_EQUAL, _MEMBERS = 1, 2


def write_folder(folder: Path, spec: EnsembleSpec | PeerSpec, weights: dict[str, Tensor]) -> None:
    """Write the weights, the description that holds their digest, and what was fitted for them.

    Raises:
        ConfigError: A module has a state that is no tensor, or what is written could not be read.
    """
    _check_can_be_read(spec, weights)
    # Copies: tensors that two layers share would be refused.
    content = safetensors.torch.save(
        {name: each.clone(memory_format=torch.contiguous_format) for name, each in weights.items()}
    )
    described = spec.to_dict()
    record = {
        "format": _format_of(described),
        "cotrain": __version__,
        "torch": torch.__version__,
        **described,
        "weights_sha256": digest(content),
    }
    remove_beside(folder)
    atomic_write(folder / _WEIGHTS, content)
    write_json(folder / _SPEC, record)
    write_all_beside(folder, spec, record["weights_sha256"])


def _check_can_be_read(spec: EnsembleSpec | PeerSpec, weights: Mapping[str, Tensor]) -> None:
    """Networks may have been changed, such as to half precision, since they were built."""
    for name, each in weights.items():
        if not isinstance(each, Tensor):
            raise ConfigError(
                f"{name} is a {type(each).__name__}, and only tensors are saved: give a module "
                "without get_extra_state"
            )
    try:
        if isinstance(spec, EnsembleSpec):
            check_saved_weights(spec, weights)
    except ConfigError as problem:
        raise ConfigError(
            f"the networks are no longer those of the ensemble's spec ({problem}), and could not "
            "be loaded: undo the change, such as half precision by ensemble.float()"
        ) from None


def _format_of(record: Mapping[str, Any]) -> int:
    return _MEMBERS if "members" in record else _EQUAL


def write_fitted(folder: Path, fitted: Fitted) -> Path:
    """Write a calibration or a cascade beside the weights that it was fitted for; where it is."""
    return write_beside(folder, fitted, saved_record(folder)["weights_sha256"])


def holds_ensemble(folder: Path) -> bool:
    """Whether an ensemble was saved in ``folder``."""
    return (folder / _SPEC).exists()


def identity(folder: Path) -> str:
    """A digest of all that the networks of the ensemble saved in ``folder`` answer by.

    Raises:
        ConfigError: There is no ensemble.
    """
    return digest(json.dumps(saved_record(folder), sort_keys=True).encode())


def read_spec(folder: Path) -> EnsembleSpec:
    """The description alone, without what was fitted afterwards; the weights are not read.

    Raises:
        ConfigError: It is missing, damaged, or of another version.
    """
    return _described(folder)[0]


def read_folder(folder: Path) -> tuple[EnsembleSpec, dict[str, Tensor]]:
    """The description and the weights that ``write_folder`` wrote.

    Raises:
        ConfigError: Files are missing, damaged, changed, or of another version.
    """
    spec, expected = _described(folder)
    weights = saved_weights(folder, expected)
    try:
        check_saved_weights(spec, weights)
    except ConfigError as error:
        raise ConfigError(
            f"{folder}: {_WEIGHTS} does not fit {_SPEC} ({error}): save the ensemble again"
        ) from None
    return replace(spec, **read_beside(folder, spec, expected)), weights  # type: ignore[arg-type]


def _described(folder: Path) -> tuple[EnsembleSpec, str]:
    """The description, and the digest of the weights that belong to it."""
    record = saved_record(folder)
    expected = record.pop("weights_sha256")
    if "peer" in record:
        raise ConfigError(
            f"{folder} holds one network with several answers (peer={record['peer']}), no "
            "ensemble: cotrain compare alone reads it"
        )
    try:
        return EnsembleSpec.from_dict(record), expected
    except ConfigError as error:
        raise ConfigError(
            f"{folder / _SPEC} is damaged ({error}): save the ensemble again"
        ) from None


def saved_record(folder: Path) -> dict[str, Any]:
    """What ``spec.json`` says, without the heading.

    Raises:
        ConfigError: There is none, or it is damaged, or of another version.
    """
    path = folder / _SPEC
    if not path.is_file():
        raise ConfigError(f"{path.parent} is not an ensemble: it has no {path.name}")
    record = read_json(path)
    if not isinstance(record, dict) or "weights_sha256" not in record:
        raise ConfigError(f"{path} does not describe an ensemble: save the ensemble again")
    written = record.pop("format", None)
    if written != _format_of(record):
        raise ConfigError(
            f"{path} has format {reprlib.repr(written)}, not {_format_of(record)}: "
            "load it with the version of cotrain that wrote it"
        )
    return {key: value for key, value in record.items() if key not in ("cotrain", "torch")}


def saved_weights(folder: Path, expected: str) -> dict[str, Tensor]:
    """The weights with this digest.

    Raises:
        ConfigError: They are missing, or others.
    """
    path = folder / _WEIGHTS
    if not path.is_file():
        raise ConfigError(f"{path} is missing: copy it beside {_SPEC} again")
    content = path.read_bytes()
    if digest(content) != expected:
        raise ConfigError(f"{path} was changed or cut after it was saved: copy or save it again")
    return parse_tensors(content, path, "save it again")


def check_saved_weights(spec: EnsembleSpec, weights: Mapping[str, Tensor]) -> None:
    """Raise ConfigError unless the tensors are those of the spec's networks.

    Args:
        spec: Of whom it is not known who wrote it; nothing is built that is larger than the file.
        weights: By ``networks.<i>.<name>``.
    """
    networks = weights_by_network(weights)
    if networks.keys() != {str(index) for index in range(spec.into)}:
        raise ConfigError(f"it holds {len(networks)} networks, not into={spec.into}")
    for index, member in enumerate(spec.members):
        first = spec.members.index(member)
        if index > first and _kinds(networks[str(index)]) != _kinds(networks[str(first)]):
            raise ConfigError(f"network {index} has other tensors than network {first}")
        if index == first:
            _check_member(index, member, networks[str(index)])


def _check_member(index: int, member: Member, tensors: Mapping[str, Tensor]) -> None:
    own = {name.removeprefix(member.prefix): each for name, each in tensors.items()}
    if not all(name.startswith(member.prefix) for name in tensors) or len(own) < len(tensors):
        raise ConfigError(f"network {index} has tensors of other names")
    check_fits(member.network, own)


def weights_by_network(weights: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """The tensors of each network by their own names, by its index.

    Raises:
        ConfigError: One is of no network.
    """
    networks: dict[str, dict[str, Tensor]] = {}
    for name, tensor in weights.items():
        room, _, rest = name.partition(".")
        index, _, own_name = rest.partition(".")
        if room != "networks":
            raise ConfigError(f"{name} is of no network")
        networks.setdefault(index, {})[own_name] = tensor
    return networks


def _kinds(tensors: Mapping[str, Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (each.shape, each.dtype) for name, each in tensors.items()}
