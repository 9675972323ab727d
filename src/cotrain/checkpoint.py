"""What is shipped and what is resumed: whole files, verified when read, nothing unpickled.

An ensemble's folder holds ``spec.json`` (its description and the digest of the weights) and
``model.safetensors``. A training checkpoint is a ``torch.save`` file followed by a digest; it is
read with ``weights_only=True``, which admits tensors and plain values but runs no code.
"""

import hashlib
import io
import json
import pickle
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from cotrain.ensemble import Ensemble, EnsembleSpec
from cotrain.errors import ConfigError, TrainingError
from cotrain.files import atomic_write, digest
from cotrain.networks import build, spec_from_dict, spec_to_dict
from cotrain.preprocessing import Preprocessing

_SPEC = "spec.json"
_WEIGHTS = "model.safetensors"
_FORMAT = 1


def save_ensemble(ensemble: Ensemble, folder: Path) -> None:
    """Write the ensemble's weights, then the description that holds their digest."""
    state = {name: tensor.contiguous() for name, tensor in ensemble.state_dict().items()}
    weights = safetensors.torch.save(state)
    record = _to_record(ensemble.spec) | {"weights_sha256": digest(weights)}
    atomic_write(folder / _WEIGHTS, weights)
    atomic_write(folder / _SPEC, (json.dumps(record, indent=2) + "\n").encode())


def load_ensemble(folder: Path) -> Ensemble:
    """The ensemble in ``folder``, in evaluation mode on the CPU."""
    record = _read_record(folder / _SPEC)
    spec = _from_record(record, folder)
    weights = _read_weights(folder / _WEIGHTS, record["weights_sha256"])
    with torch.device("meta"):
        ensemble = Ensemble([build(spec.network) for _ in range(spec.into)], spec)
    try:
        ensemble.load_state_dict(weights, assign=True)
    except RuntimeError as error:
        raise ConfigError(
            f"{folder / _WEIGHTS} does not fit {_SPEC} ({str(error).splitlines()[-1].strip()}): "
            "save the ensemble again"
        ) from None
    return ensemble.eval()


def _to_record(spec: EnsembleSpec) -> dict[str, Any]:
    from cotrain import __version__

    return {
        "format": _FORMAT,
        "cotrain": __version__,
        "torch": torch.__version__,
        "network": spec_to_dict(spec.network),
        "into": spec.into,
        "large": spec_to_dict(spec.large),
        "combine": spec.combine,
        "classes": list(spec.classes),
        "preprocessing": asdict(spec.preprocessing) if spec.preprocessing else None,
    }


def _from_record(record: dict[str, Any], folder: Path) -> EnsembleSpec:
    if record.get("format") != _FORMAT:
        raise ConfigError(
            f"{folder / _SPEC} has format {record.get('format')!r}, not {_FORMAT}: "
            "load it with the version of cotrain that wrote it"
        )
    try:
        shape = record["preprocessing"]
        return EnsembleSpec(
            network=spec_from_dict(record["network"]),
            into=record["into"],
            large=spec_from_dict(record["large"]),
            combine=record["combine"],
            classes=tuple(record["classes"]),
            preprocessing=Preprocessing.from_dict(shape) if shape else None,
        )
    except (KeyError, TypeError) as error:
        raise ConfigError(
            f"{folder / _SPEC} is damaged ({error}): save the ensemble again"
        ) from None


def _read_record(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ConfigError(f"{path.parent} is not an ensemble: it has no {path.name}")
    try:
        record = json.loads(path.read_bytes())
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON ({error}): save the ensemble again") from None
    if not isinstance(record, dict) or "weights_sha256" not in record:
        raise ConfigError(f"{path} does not describe an ensemble: save the ensemble again")
    return record


def _read_weights(path: Path, expected: str) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise ConfigError(f"{path} is missing: copy it beside {_SPEC} again")
    content = path.read_bytes()
    if digest(content) != expected:
        raise ConfigError(f"{path} was changed or cut after it was saved: copy or save it again")
    try:
        return safetensors.torch.load(content)
    except SafetensorError as error:
        raise ConfigError(f"{path} is not a safetensors file ({error}): save it again") from None


def write_checkpoint(state: dict[str, Any], path: Path) -> None:
    """Save a training state; the file that ``path`` held becomes ``path`` + ``.previous``."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.write(_footer(buffer.getvalue()))
    atomic_write(path, buffer.getbuffer(), previous=_previous(path))


def _footer(body: bytes) -> bytes:
    """40 bytes after a checkpoint's body; ``torch.load`` does not mind them."""
    return b"cotrain1" + hashlib.sha256(body).digest()


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The state that :func:`write_checkpoint` saved, verified; no code in it is run.

    Raises:
        ConfigError: Missing, cut, changed, or holding objects other than tensors and plain values.
    """
    if not path.is_file():
        raise ConfigError(f"{path} is missing")
    content = path.read_bytes()
    body, footer = content[:-40], content[-40:]
    if footer != _footer(body):
        raise ConfigError(f"{path} is not a whole checkpoint of cotrain")
    try:
        return torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ConfigError(f"{path} is refused: {str(error).splitlines()[0]}") from None


def newest_checkpoint(path: Path) -> tuple[dict[str, Any] | None, str | None]:
    """The newest whole state: of ``path``, else of the one before, with the reason for a fall back.

    Both are None when nothing was saved yet.

    Raises:
        TrainingError: Neither can be read.
    """
    if not path.exists() and not _previous(path).exists():
        return None, None
    try:
        return read_checkpoint(path), None
    except ConfigError as newest:
        try:
            return read_checkpoint(_previous(path)), f"{newest}: using the one before"
        except ConfigError as older:
            raise TrainingError(f"{newest}; {older}: start again with a new --output") from None


def _previous(path: Path) -> Path:
    return path.with_name(path.name + ".previous")
