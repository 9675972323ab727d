"""What is resumed: training states, written whole, verified when read, never unpickled.

A checkpoint is a ``torch.save`` file followed by a digest; it is read with ``weights_only=True``,
which admits tensors and plain values but runs no code.
"""

import hashlib
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from cotrain.basics.errors import ConfigError, TrainingError
from cotrain.basics.files import atomic_write


def write_checkpoint(state: dict[str, Any], path: Path, *, keep: bool = True) -> None:
    """Save a training state.

    Args:
        state: Tensors and plain values.
        path: The file.
        keep: What it held becomes ``path`` + ``.previous``.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.write(_footer(buffer.getvalue()))
    atomic_write(path, buffer.getbuffer(), previous=_previous(path) if keep else None)


# What Lightning and we ourselves fill, in which there is nothing else; and what is looked into.
_OWN, _CALLBACKS = ("state_dict", "optimizer_states"), "callbacks"


def check_can_be_read(state: Mapping[str, Any]) -> None:
    """Raise ConfigError if callbacks keep what ``read_checkpoint`` would refuse."""
    added = {name: each for name, each in state.items() if name not in (*_OWN, _CALLBACKS)}
    for name, kept in (added | state.get(_CALLBACKS, {})).items():
        buffer = io.BytesIO()
        try:
            torch.save(kept, buffer)
            buffer.seek(0)
            torch.load(buffer, weights_only=True)
        except RuntimeError:  # torch's word, at any moment, that a process that loads images died
            raise
        except Exception as error:  # whatever an object raises that is pickled
            code = re.search(r"GLOBAL (\S+)", str(error))
            raise ConfigError(
                f"callbacks: the state of {name} holds {code[1] if code else 'an object'}, with "
                "which the run could not be resumed: keep tensors and plain values in it"
            ) from None


def _footer(body: bytes) -> bytes:
    """40 bytes after a checkpoint's body; ``torch.load`` does not mind them."""
    return b"cotrain1" + hashlib.sha256(body).digest()


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The state that ``write_checkpoint`` saved, verified; no code in it is run.

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
    except Exception as error:  # a crafted file makes torch's reader raise nearly anything
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"{path} is refused: {reason}") from None


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
