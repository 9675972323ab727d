"""What is shipped: a folder with ``spec.json`` and ``model.safetensors``, nothing pickled.

``spec.json`` holds the ensemble's description and the digest of the weights, so that a file that
was changed, cut or mixed up is noticed.
"""

import json
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.files import atomic_write, digest, write_json
from cotrain.basics.machine import __version__
from cotrain.ensemble.spec import EnsembleSpec

_SPEC = "spec.json"
_WEIGHTS = "model.safetensors"
_FORMAT = 1


def write_folder(folder: Path, spec: EnsembleSpec, weights: dict[str, Tensor]) -> None:
    """Write the weights, then the description that holds their digest."""
    # Copies: tensors that two layers share would be refused.
    content = safetensors.torch.save(
        {name: each.clone(memory_format=torch.contiguous_format) for name, each in weights.items()}
    )
    record = {
        "format": _FORMAT,
        "cotrain": __version__,
        "torch": torch.__version__,
        **spec.to_dict(),
        "weights_sha256": digest(content),
    }
    atomic_write(folder / _WEIGHTS, content)
    write_json(folder / _SPEC, record)


def holds_ensemble(folder: Path) -> bool:
    """Whether an ensemble was saved in ``folder``."""
    return (folder / _SPEC).exists()


def read_folder(folder: Path) -> tuple[EnsembleSpec, dict[str, Tensor]]:
    """The description and the weights that ``write_folder`` wrote.

    Raises:
        ConfigError: Files are missing, damaged, changed, or of another version.
    """
    record = _read_record(folder / _SPEC)
    try:
        spec = EnsembleSpec.from_dict(record)
    except ConfigError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{folder / _SPEC} is damaged ({error}): save the ensemble again"
        ) from None
    return spec, _read_weights(folder / _WEIGHTS, record["weights_sha256"])


def _read_record(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ConfigError(f"{path.parent} is not an ensemble: it has no {path.name}")
    try:
        record = json.loads(path.read_bytes())
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON ({error}): save the ensemble again") from None
    if not isinstance(record, dict) or "weights_sha256" not in record:
        raise ConfigError(f"{path} does not describe an ensemble: save the ensemble again")
    if record.get("format") != _FORMAT:
        raise ConfigError(
            f"{path} has format {record.get('format')!r}, not {_FORMAT}: "
            "load it with the version of cotrain that wrote it"
        )
    return record


def _read_weights(path: Path, expected: str) -> dict[str, Tensor]:
    if not path.is_file():
        raise ConfigError(f"{path} is missing: copy it beside {_SPEC} again")
    content = path.read_bytes()
    if digest(content) != expected:
        raise ConfigError(f"{path} was changed or cut after it was saved: copy or save it again")
    try:
        return safetensors.torch.load(content)
    except SafetensorError as error:
        raise ConfigError(f"{path} is not a safetensors file ({error}): save it again") from None
